"""A stale hour stays stale until somebody has seen all of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection, Engine

from service.store.predictions import record_batch, rows_between
from service.store.references import save_reference
from service.store.tallies import HourTally, mark_hours, marked_hours, marks_of, remove_marks, save_tallies, tallies_between
from tests.store.builders import AT, make_prediction, make_version

HOUR = AT.replace(minute=0)
LATER = HOUR + timedelta(days=1)


def record(engine: Engine, *films: str) -> None:
    with engine.begin() as connection:
        record_batch(connection, [make_prediction(film) for film in films])


def stale(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(marked_hours(connection, 1, LATER))


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        yield connection


def make_reference(engine: Engine) -> int:
    version = make_version(engine)
    with engine.begin() as connection:
        return save_reference(connection, version.id, since=AT, until=AT, built_at=AT, payload=b"").id


def test_an_hour_is_stale_when_a_film_came_and_only_once_it_has_ended(engine: Engine) -> None:
    record(engine, "a")
    with engine.connect() as connection:
        assert marked_hours(connection, 1, HOUR + timedelta(minutes=59)) == []
        assert marked_hours(connection, 1, HOUR + timedelta(hours=1)) == [HOUR]
        assert marked_hours(connection, 2, LATER) == []


def test_a_film_that_comes_while_its_hour_is_tallied_leaves_the_hour_stale(engine: Engine) -> None:
    record(engine, "a")
    with snapshot(engine) as connection:
        marks = marks_of(connection, 1, HOUR)
        record(engine, "b")
        assert len(rows_between(connection, 1, HOUR, LATER, ["a", "b"])) == 1
        remove_marks(connection, marks)
    assert stale(engine) == [HOUR]
    with snapshot(engine) as connection:
        remove_marks(connection, marks_of(connection, 1, HOUR))
    assert stale(engine) == []


def test_however_writers_and_a_worker_interleave_no_film_is_missed(engine: Engine) -> None:
    reference, films, writers = make_reference(engine), 25, 3

    def write(writer: int) -> None:
        for film in range(films):
            record(engine, f"{writer} {film}", f"twin {film}")

    def tally() -> int:
        with snapshot(engine) as connection:
            marks = marks_of(connection, 1, HOUR)
            seen = len(rows_between(connection, 1, HOUR, LATER, ["a", "b"]))
            save_tallies(connection, reference, HOUR, {"all": (seen, b"")}, AT)
            remove_marks(connection, marks)
            return seen

    with ThreadPoolExecutor(writers) as pool:
        writing = [pool.submit(write, writer) for writer in range(writers)]
        while not all(one.done() for one in writing):
            tally()
        for one in writing:
            one.result()
    if stale(engine):
        tally()
    with engine.connect() as connection:
        (stored,) = tallies_between(connection, reference, HOUR, LATER)
    assert stored.n == (writers + 1) * films
    assert stale(engine) == []


def test_the_tallies_of_an_hour_replace_the_former_ones(engine: Engine) -> None:
    reference = make_reference(engine)
    with engine.begin() as connection:
        save_tallies(connection, reference, HOUR, {"all": (2, b"x"), "site=a": (1, b"y")}, AT)
        save_tallies(connection, reference, HOUR, {"all": (3, b"z")}, AT)
        assert tallies_between(connection, reference, HOUR, LATER) == [HourTally(HOUR, "all", 3, b"z")]
        assert tallies_between(connection, reference, HOUR + timedelta(hours=1), LATER) == []


def test_a_new_reference_makes_every_hour_with_films_stale(engine: Engine) -> None:
    record(engine, "a")
    with snapshot(engine) as connection:
        remove_marks(connection, marks_of(connection, 1, HOUR))
    with engine.begin() as connection:
        mark_hours(connection, 1, HOUR - timedelta(days=3), LATER)
    assert stale(engine) == [HOUR]
