"""Sealed headers come with their predictions, once, and go after some days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from service.domain import Sealed
from service.store import outbox
from service.store.outbox import Kind
from service.store.predictions import find_prediction, record_batch
from service.store.sealed import find_sealed, forget_sealed
from tests.store.builders import make_prediction

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def test_a_sealed_header_is_stored_with_its_prediction_and_apart_from_it(engine: Engine) -> None:
    prediction, bare = make_prediction("film", sealed=Sealed(b"sealed", push=False)), make_prediction("tensor")
    with engine.begin() as connection:
        record_batch(connection, [prediction, bare])
        assert find_sealed(connection, prediction.id, LONG_AGO) == b"sealed"
        assert find_sealed(connection, prediction.id, soon()) is None
        assert find_sealed(connection, bare.id, LONG_AGO) is None
        assert find_prediction(connection, prediction.id).sealed is None
        assert outbox.due(connection, Kind.REPORT, soon()) == []


def test_a_report_to_push_is_one_message_however_often_the_film_comes(engine: Engine) -> None:
    first, again = (make_prediction("film", sealed=Sealed(b"sealed", push=True)) for _ in range(2))
    for batch in ([first, again], [again], [first]):
        with engine.begin() as connection:
            record_batch(connection, batch)
    with engine.begin() as connection:
        assert [(one.id, one.prediction, one.body) for one in outbox.due(connection, Kind.REPORT, soon(), 9)] == [(first.id, first.id, b"")]
        assert outbox.due(connection, Kind.REMEDY, soon(), 9) == []
        assert find_sealed(connection, again.id, LONG_AGO) is None


def test_what_was_sealed_before_a_moment_is_forgotten(engine: Engine) -> None:
    films = [make_prediction(f"film {number}", sealed=Sealed(b"sealed", push=False)) for number in range(3)]
    with engine.begin() as connection:
        record_batch(connection, films)
    assert forget_sealed(engine, LONG_AGO) == 0
    assert forget_sealed(engine, soon()) == 3
    with engine.begin() as connection:
        assert find_sealed(connection, films[0].id, LONG_AGO) is None
        assert find_prediction(connection, films[0].id).id == films[0].id
