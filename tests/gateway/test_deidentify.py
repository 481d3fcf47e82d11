"""Nothing that leaves this stage names a person, a study or a device; and the same name always gives the same token."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import Identity
from service.gateway.attributes import TOKENS
from service.gateway.deidentify import deidentify
from service.gateway.limits import Limits
from service.gateway.pseudonym import pseudonym
from service.gateway.vocabulary import DEVICE, Vocabulary, other
from tests.films import ACCESSION, DETECTOR, NAMES, PATIENT_ID, SERIAL, STATION, make_film
from tests.gateway.decoding import decode
from tests.gateway.images import make_image

KEY, OTHER_KEY = b"k" * 32, b"K" * 32


def test_nothing_of_the_film_that_names_anybody_is_left() -> None:
    image = decode(make_film(), Limits())
    attributes, pseudonyms = deidentify(image, KEY, Vocabulary(KEY))
    left = f"{attributes} {pseudonyms}".upper()
    uids = [value for value in (image.identity.study, image.identity.series, image.identity.instance) if value]
    assert len(uids) == 3
    assert not any(name.upper() in left for name in (*NAMES, *uids))


def test_stations_become_tokens_unknown_devices_categories_and_everything_else_stays() -> None:
    image = decode(make_film(), Limits())
    attributes, _ = deidentify(image, KEY, Vocabulary(KEY))
    assert [image.attributes[keyword] for keyword in ("StationName", "DeviceSerialNumber", "DetectorID")] == [STATION, SERIAL, DETECTOR]
    for keyword, value in image.attributes.items():
        if keyword in TOKENS:
            assert attributes[keyword] == pseudonym(KEY, keyword, str(value))[:8].hex()
        elif keyword in DEVICE:
            assert attributes[keyword] == other(KEY, keyword, str(value))
        else:
            assert attributes[keyword] == value


def test_the_same_device_has_one_token_and_one_name_in_two_roles_has_two() -> None:
    first, second = (deidentify(make_image(StationName="ROOM 7", DetectorID="ROOM 7"), KEY, Vocabulary(KEY))[0] for _ in range(2))
    assert first == second
    assert first["StationName"] != first["DetectorID"]
    assert deidentify(make_image(StationName="ROOM 8"), KEY, Vocabulary(KEY))[0]["StationName"] != first["StationName"]


def test_pseudonyms_are_those_that_a_caller_gets_for_the_same_names() -> None:
    _, pseudonyms = deidentify(decode(make_film(), Limits()), KEY, Vocabulary(KEY))
    assert pseudonyms.patient == pseudonym(KEY, "patient", PATIENT_ID)
    assert pseudonyms.accession == pseudonym(KEY, "accession", ACCESSION)


def test_what_the_film_does_not_say_has_no_pseudonym() -> None:
    _, pseudonyms = deidentify(make_image(identity=Identity(None, None, "1.2.3", None, None)), KEY, Vocabulary(KEY))
    assert asdict(pseudonyms) == {
        "patient": None,
        "accession": None,
        "study": pseudonym(KEY, "study", "1.2.3"),
        "series": None,
        "instance": None,
    }


@settings(deadline=None)
@given(st.text(min_size=1), st.text(min_size=1))
def test_names_share_a_pseudonym_only_if_they_are_the_same_name(one: str, other: str) -> None:
    same = one.strip(" \0") == other.strip(" \0")
    assert (pseudonym(KEY, "patient", one) == pseudonym(KEY, "patient", other)) == same
    assert pseudonym(KEY, "patient", one) != pseudonym(OTHER_KEY, "patient", one)
    assert pseudonym(KEY, "patient", one) != pseudonym(KEY, "study", one)
    assert len(pseudonym(KEY, "patient", one)) == 16


def test_a_pseudonym_never_changes_between_releases() -> None:
    assert pseudonym(KEY, "patient", "0815").hex() == "0264f9be5b6cb778e7f9c9cbeabfa449"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2"])
def test_a_film_sent_another_way_names_the_same_patient(syntax: str) -> None:
    first, second = (
        deidentify(decode(make_film(syntax=way), Limits()), KEY, Vocabulary(KEY))[1].patient for way in (syntax, "1.2.840.10008.1.2.1")
    )
    assert first == second
