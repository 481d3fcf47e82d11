"""A stale hour stays stale until somebody has seen all of its rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from service.store.predictions import record_batch
from service.store.references import save_reference
from service.store.tallies import HourTally, mark_hours, marked_hours, marks_of, remove_marks, retally, save_tallies, tallies_between
from tests.store.builders import AT, make_prediction, make_version

HOUR = AT.replace(minute=0)
LATER = HOUR + timedelta(days=1)


def record(engine: Engine, film: str) -> None:
    with engine.begin() as connection:
        record_batch(connection, [make_prediction(film)])


def stale(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(marked_hours(connection, 1, LATER))


def test_an_hour_is_stale_when_a_film_came_and_only_once_it_has_ended(engine: Engine) -> None:
    record(engine, "a")
    with engine.connect() as connection:
        assert marked_hours(connection, 1, HOUR + timedelta(minutes=59)) == []
        assert marked_hours(connection, 1, HOUR + timedelta(hours=1)) == [HOUR]
        assert marked_hours(connection, 2, LATER) == []


def test_a_film_that_comes_while_its_hour_is_tallied_leaves_the_hour_stale(engine: Engine) -> None:
    record(engine, "a")
    with retally(engine, 1, HOUR) as connection:
        assert connection is not None
        marks = marks_of(connection, 1, HOUR)
        record(engine, "b")
        assert marks_of(connection, 1, HOUR) == marks
        remove_marks(connection, marks)
    assert stale(engine) == [HOUR]
    with retally(engine, 1, HOUR) as connection:
        assert connection is not None
        remove_marks(connection, marks_of(connection, 1, HOUR))
    assert stale(engine) == []


def test_two_workers_never_have_the_same_hour(engine: Engine) -> None:
    with retally(engine, 1, HOUR) as first, retally(engine, 1, HOUR) as second, retally(engine, 1, LATER) as other:
        assert first is not None
        assert second is None
        assert other is not None


def test_a_worker_that_fails_leaves_the_hour_as_it_was(engine: Engine) -> None:
    record(engine, "a")

    def killed_in_the_middle() -> None:
        with retally(engine, 1, HOUR) as connection:
            assert connection is not None
            remove_marks(connection, marks_of(connection, 1, HOUR))
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed_in_the_middle()
    assert stale(engine) == [HOUR]
    with retally(engine, 1, HOUR) as connection:
        assert connection is not None


def test_the_tallies_of_an_hour_replace_the_former_ones(engine: Engine) -> None:
    version = make_version(engine)
    with engine.begin() as connection:
        reference = save_reference(connection, version.id, since=AT, until=AT, built_at=AT, payload=b"").id
        save_tallies(connection, reference, HOUR, {"all": (2, b"x"), "site=a": (1, b"y")}, AT)
        save_tallies(connection, reference, HOUR, {"all": (3, b"z")}, AT)
        assert tallies_between(connection, reference, HOUR, LATER) == [HourTally(HOUR, "all", 3, b"z")]
        assert tallies_between(connection, reference, HOUR + timedelta(hours=1), LATER) == []


def test_a_new_reference_makes_every_hour_with_films_stale(engine: Engine) -> None:
    record(engine, "a")
    with retally(engine, 1, HOUR) as connection:
        assert connection is not None
        remove_marks(connection, marks_of(connection, 1, HOUR))
    with engine.begin() as connection:
        mark_hours(connection, 1, HOUR - timedelta(days=3), LATER)
    assert stale(engine) == [HOUR]
