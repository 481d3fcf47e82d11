"""A study that comes again with new instances: the latest film of each view counts, and says whose place it takes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from service.domain import Prediction, Recorded
from service.store.predictions import former_of, record_alone, rows_between
from service.store.tables import tally_marks
from tests.store.builders import AT, digest, make_prediction

PA = {"ViewPosition": "PA", "ImageLaterality": None, "BodyPartExamined": "CHEST"}
STUDY = digest("one study")[:16]
HOURS = timedelta(hours=1)


def film(name: str, at: datetime = AT, *, study: bytes | None = STUDY, version: int = 1, **views: str | None) -> Prediction:
    made = make_prediction(name, at=at, attributes={**PA, **views}, model_version=version)
    names = made.pseudonyms
    return make_prediction(
        name,
        at=at,
        id=made.id,
        attributes=made.attributes,
        model_version=version,
        pseudonyms=type(names)(names.patient, names.accession, study, names.series, names.instance),
    )


def record(engine: Engine, *batch: Prediction) -> list[Recorded]:
    with engine.begin() as connection:
        answers = record_alone(connection, batch)
    return [answer for answer in answers if isinstance(answer, Recorded)]


def counting(engine: Engine, version: int = 1) -> set[object]:
    with engine.connect() as connection:
        return set(rows_between(connection, version, AT - 100 * HOURS, AT + 100 * HOURS, ["a", "b"]).ids)


def marked(engine: Engine) -> list[datetime]:
    with engine.connect() as connection:
        return list(connection.scalars(select(tally_marks.c.hour).order_by(tally_marks.c.id)))


def test_a_later_film_of_the_same_view_takes_the_place_of_the_earlier(engine: Engine) -> None:
    first, second = film("first"), film("second", AT + 3 * HOURS)
    record(engine, first)
    (answer,) = record(engine, second)
    assert answer.revises == first.id
    assert counting(engine) == {second.id}


def test_the_hour_of_the_film_that_is_replaced_is_tallied_again(engine: Engine) -> None:
    record(engine, film("first"))
    record(engine, film("second", AT + 3 * HOURS))
    hour = AT.replace(minute=0)
    assert sorted(marked(engine)) == [hour, hour, hour + 3 * HOURS]


def test_a_third_film_takes_the_place_of_the_second_and_the_chain_is_told(engine: Engine) -> None:
    first, second, third = (film(str(number), AT + number * HOURS) for number in range(3))
    answers = record(engine, first, second, third)
    assert [answer.revises for answer in answers] == [None, first.id, second.id]
    assert counting(engine) == {third.id}


@pytest.mark.parametrize(
    "views",
    [
        {"ViewPosition": "LL"},
        {"ImageLaterality": "L"},
        {"BodyPartExamined": "HAND"},
        {"study": digest("another study")[:16]},
        {"study": None},
    ],
    ids=str,
)
def test_another_view_or_another_study_is_no_revision(engine: Engine, views: dict[str, object]) -> None:
    first, second = film("first"), film("second", AT + HOURS, **views)  # type: ignore[arg-type] # whatever differs
    assert [answer.revises for answer in record(engine, first, second)] == [None, None]
    assert counting(engine) == {first.id, second.id}


def test_films_that_do_not_say_their_view_all_count(engine: Engine) -> None:
    first, second = film("first", ViewPosition=None), film("second", AT + HOURS, ViewPosition=None)
    assert [answer.revises for answer in record(engine, first, second)] == [None, None]
    assert counting(engine) == {first.id, second.id}


def test_another_model_version_answers_for_itself(engine: Engine) -> None:
    first, second = film("first"), film("second", AT + HOURS, version=2)
    assert [answer.revises for answer in record(engine, first, second)] == [None, None]
    assert (counting(engine, 1), counting(engine, 2)) == ({first.id}, {second.id})


def test_a_film_of_the_next_day_is_another_examination(engine: Engine) -> None:
    first, within, after = film("first"), film("within", AT + 24 * HOURS), film("after", AT + 48 * HOURS + timedelta(microseconds=1))
    answers = record(engine, first, within, after)
    assert [answer.revises for answer in answers] == [None, first.id, None]
    assert counting(engine) == {within.id, after.id}


def test_the_order_in_which_rows_arrive_does_not_matter(engine: Engine) -> None:
    """A spool is drained late: the earlier film arrives when the later one is a row already."""
    first, second = film("first"), film("second", AT + 3 * HOURS)
    record(engine, second)
    record(engine, first)
    assert counting(engine) == {second.id}
    with engine.connect() as connection:
        assert former_of(connection, second) == first.id


def test_the_first_answer_again_says_whose_place_it_took(engine: Engine) -> None:
    first, second = film("first"), film("second", AT + HOURS)
    record(engine, first, second)
    (again,) = record(engine, film("second", AT + 2 * HOURS))
    assert (again.replayed, again.prediction.id, again.revises) == (True, second.id, first.id)
    assert counting(engine) == {second.id}
