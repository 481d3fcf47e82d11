"""Months of predictions are made ahead by anybody, and dropped whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, inspect, select
from sqlalchemy.exc import IntegrityError

from service.domain import Recorded
from service.errors import UnknownPredictionError
from service.store.labels import add_labels
from service.store.partitions import drop_partitions, ensure_partitions
from service.store.predictions import find_prediction, record_batch
from service.store.tables import labels, submissions, tally_marks
from tests.store.builders import make_label, make_prediction

NOVEMBER, JANUARY = datetime(2025, 11, 30, 23, 59, 59, 999999, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


def months(engine: Engine) -> list[str]:
    return sorted(name for name in inspect(engine).get_table_names() if name.startswith("predictions_"))


def test_every_month_of_a_stretch_is_made_once_by_many_processes(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ensure_partitions(engine, NOVEMBER, JANUARY), range(8)))
    assert months(engine) == ["predictions_2025_11", "predictions_2025_12", "predictions_2026_01"]


def test_the_last_instant_of_a_month_lies_in_it(engine: Engine) -> None:
    with engine.begin() as connection:
        record_batch(connection, [make_prediction("a", at=NOVEMBER)])
    assert months(engine) == ["predictions_2025_11"]


def test_replicas_that_open_a_new_month_at_once_lose_nothing(engine: Engine) -> None:
    def replica(number: int) -> list[object]:
        with engine.begin() as connection:
            return list(
                record_batch(connection, [make_prediction(f"{number} {day}", at=JANUARY + timedelta(days=20 * day)) for day in range(6)])
            )

    with ThreadPoolExecutor(4) as pool:
        answers = [answer for group in pool.map(replica, range(4)) for answer in group]
    assert len(answers) == 24
    assert all(isinstance(answer, Recorded) for answer in answers)


def test_a_dropped_month_takes_its_labels_keys_and_marks_along_and_leaves_the_others(engine: Engine) -> None:
    old, new = make_prediction("old", at=NOVEMBER), make_prediction("new", at=JANUARY)
    with engine.begin() as connection:
        record_batch(connection, [old, new])
        add_labels(connection, [make_label(old.id), make_label(new.id)])
    assert drop_partitions(engine, JANUARY - timedelta(days=31, microseconds=1)) == []
    assert drop_partitions(engine, JANUARY) == [datetime(2025, 11, 1, tzinfo=UTC)]
    with engine.connect() as connection:
        assert find_prediction(connection, new.id).id == new.id
        with pytest.raises(UnknownPredictionError):
            find_prediction(connection, old.id)
        left = [connection.scalar(select(func.count()).select_from(table)) for table in (labels, submissions)]
        assert left == [1, 1]
        assert set(connection.scalars(select(tally_marks.c.hour))) == {JANUARY}


def test_a_film_of_a_dropped_month_is_a_new_film(engine: Engine) -> None:
    with engine.begin() as connection:
        record_batch(connection, [make_prediction("a", at=NOVEMBER)])
    drop_partitions(engine, JANUARY)
    again = make_prediction("a", at=JANUARY)
    with engine.begin() as connection:
        assert record_batch(connection, [again]) == [Recorded(again, replayed=False)]


def test_a_row_outside_of_every_month_is_refused_by_the_table_itself(engine: Engine) -> None:
    ensure_partitions(engine, JANUARY, JANUARY)
    with engine.begin() as connection, pytest.raises(IntegrityError, match="no partition"):
        connection.exec_driver_sql(
            "insert into predictions (id, model_version, received_at, site, caller, key, content, attributes, statistics, logits,"
            " input_sha256, input_bytes, duration_ms)"
            " values ('00000000-0000-7000-8000-000000000000', 1, now(), '', '', '', '', '{}', '{}', '{}', '', 0, 0)"
        )
