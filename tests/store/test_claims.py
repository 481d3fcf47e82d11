"""A film is one prediction, whatever key it comes under; a key or a UID that comes with other pixels is a conflict."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text

from service.domain import Prediction, Recorded
from service.errors import ConflictError
from service.store.ids import uuid7
from service.store.predictions import find_prediction, record_batch
from service.store.tables import aliases, predictions
from tests.store.builders import AT, digest, make_prediction


def keyed(film: str, key: str, pixels: str = "") -> Prediction:
    """A film sent under an Idempotency-Key."""
    return make_prediction(film, pixels=pixels, key=digest(key))


def record(engine: Engine, *batch: Prediction) -> list[Recorded | ConflictError]:
    with engine.begin() as connection:
        return record_batch(connection, batch)


def told(engine: Engine, *batch: Prediction) -> list[UUID | None]:
    """The ids of the answers; None is a conflict."""
    return [answer.prediction.id if isinstance(answer, Recorded) else None for answer in record(engine, *batch)]


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(predictions)) or 0


def test_the_same_film_under_two_keys_is_one_prediction(engine: Engine) -> None:
    first = make_prediction("film")
    assert told(engine, first) == [first.id]
    assert told(engine, keyed("film", "order 1")) == [first.id]
    assert told(engine, keyed("film", "order 2"), keyed("film", "order 1")) == [first.id, first.id]
    assert rows(engine) == 1


def test_a_key_that_led_to_a_replay_leads_there_ever_after(engine: Engine) -> None:
    first = make_prediction("film")
    record(engine, first, keyed("film", "order"))
    assert told(engine, keyed("another", "order", pixels="other")) == [None]


def test_a_uid_with_other_pixels_is_a_conflict_whatever_its_key(engine: Engine) -> None:
    first = keyed("film", "order 1")
    assert told(engine, first, keyed("film", "order 2", pixels="other"), make_prediction("film", pixels="other")) == [first.id, None, None]


def test_a_key_that_came_with_a_conflict_stays_free(engine: Engine) -> None:
    record(engine, make_prediction("film"))
    second = keyed("another", "order")
    assert told(engine, keyed("film", "order", pixels="other"), second) == [None, second.id]
    third = keyed("third", "later")
    assert told(engine, keyed("film", "later", pixels="other")) == [None]
    assert told(engine, third) == [third.id]


def test_a_film_tried_again_under_its_own_id_is_its_own(engine: Engine) -> None:
    film = keyed("film", "order")
    record(engine, film)
    assert told(engine, film, film) == [film.id, film.id]
    assert rows(engine) == 1


films = st.builds(lambda film, key, pixels: (film, key, pixels), st.sampled_from("AB"), st.sampled_from("12-"), st.sampled_from("xy"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(groups=st.lists(st.lists(films, min_size=1, max_size=5), min_size=1, max_size=4))
def test_whatever_comes_however_grouped_the_answer_is_that_of_one_after_the_other(
    engine: Engine, groups: list[list[tuple[str, str, str]]]
) -> None:
    """The rule in its plainest words, against the groups."""
    with engine.begin() as connection:
        connection.execute(text("truncate submissions, predictions"))
    owners: dict[str, tuple[UUID, str]] = {}
    for group in groups:
        batch = [
            replace(make_prediction(film), content=digest(pixels))
            if key == "-"
            else make_prediction(film, content=digest(pixels), key=digest(key))
            for film, key, pixels in group
        ]
        expected = [expect(owners, one, prediction) for one, prediction in zip(group, batch, strict=True)]
        assert told(engine, *batch) == expected
    assert rows(engine) == len({owner for owner, _ in owners.values()})


def expect(owners: dict[str, tuple[UUID, str]], one: tuple[str, str, str], prediction: Prediction) -> UUID | None:
    film, key, pixels = one
    names = [film] if key == "-" else [key, film]
    rivals = [owners[name] for name in names if name in owners]
    if any(pixels != theirs for _, theirs in rivals):
        return None
    winner = rivals[0] if rivals else (prediction.id, pixels)
    for name in names:
        owners.setdefault(name, winner)
    return winner[0]


def test_an_id_that_came_second_leads_to_the_first_and_one_in_conflict_says_so(engine: Engine) -> None:
    first, second, third = make_prediction("film"), uuid7(AT), uuid7(AT)
    record(engine, first)
    with engine.begin() as connection:
        connection.execute(
            aliases.insert(),
            [{"id": second, "prediction": first.id, "conflict": False}, {"id": third, "prediction": first.id, "conflict": True}],
        )
        assert find_prediction(connection, second).id == first.id
        with pytest.raises(ConflictError):
            find_prediction(connection, third)


def test_keys_are_those_of_the_model_version(engine: Engine) -> None:
    first = make_prediction("film")
    other = replace(make_prediction("film", key=digest("other version")), model_version=2)
    assert told(engine, first, other) == [first.id, other.id]
