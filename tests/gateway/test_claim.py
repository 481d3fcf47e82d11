"""Under which key a film is answered once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from service.domain import Pseudonyms, Submission
from service.gateway.claim import Claim, claim, digest
from service.gateway.pseudonym import pseudonym

SECRET = b"k" * 32
FILM = Pseudonyms(b"p" * 16, b"a" * 16, b"s" * 16, b"e" * 16, b"i" * 16)
ASKED = Submission("chest", "main", "anonymous", datetime(2026, 3, 2, tzinfo=UTC), b"")


def make_claim(version: int = 1, asked: Submission = ASKED, film: Pseudonyms = FILM, pixels: bytes = b"x" * 32) -> Claim:
    return claim(SECRET, version, asked, film, pixels)


def test_the_same_film_makes_the_same_claim() -> None:
    assert make_claim() == make_claim(asked=replace(ASKED, site="north", received_at=datetime(2026, 4, 2, tzinfo=UTC)))


def test_a_uid_that_comes_again_with_other_pixels_meets_the_first_claim_with_other_content() -> None:
    first, second = make_claim(), make_claim(pixels=b"y" * 32)
    assert first.key == second.key
    assert first.content != second.content


def test_a_rewritten_patient_or_accession_is_still_the_same_film() -> None:
    assert make_claim() == make_claim(film=replace(FILM, patient=b"q" * 16, accession=None))


def test_another_model_version_answers_the_film_anew() -> None:
    assert make_claim(version=1).key != make_claim(version=2).key


def test_a_film_without_uid_is_named_by_its_pixels() -> None:
    nameless = replace(FILM, instance=None)
    assert make_claim(film=nameless) == make_claim(film=nameless)
    assert make_claim(film=nameless).key != make_claim(film=nameless, pixels=b"y" * 32).key


def test_an_idempotency_key_belongs_to_its_caller_and_its_model_version() -> None:
    asked = replace(ASKED, idempotency_key="order-7")
    keys = {
        make_claim(asked=asked).key,
        make_claim(asked=replace(asked, caller="another")).key,
        make_claim(asked=asked, version=2).key,
        make_claim(asked=replace(asked, idempotency_key="order-8")).key,
    }
    assert len(keys) == 4


def test_without_the_secret_a_known_uid_cannot_be_looked_up() -> None:
    asked, other = replace(ASKED, idempotency_key="order-7"), b"l" * 32
    assert make_claim(asked=asked).key != claim(other, 1, asked, FILM, b"x" * 32).key
    assert make_claim().content != claim(other, 1, ASKED, FILM, b"x" * 32).content
    ours, theirs = (replace(FILM, instance=pseudonym(secret, "instance", "1.2.3")) for secret in (SECRET, other))
    assert claim(SECRET, 1, ASKED, ours, b"").key != claim(other, 1, ASKED, theirs, b"").key


@given(st.lists(st.text()), st.lists(st.text()))
def test_no_two_lists_of_parts_are_the_same_bytes(one: list[str], other: list[str]) -> None:
    assert (digest(SECRET, *one) == digest(SECRET, *other)) == (one == other)
