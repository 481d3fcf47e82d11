"""What the worker found is read back as it was written, and the latest takes the place of the former."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from detectors.measurement import Interval, Measurement, Verdict
from service.store.checkpoints import last_checkpoint, load_checkpoint, save_checkpoint
from service.store.day_tallies import DayTally, days_between, mark_days, marked_days, save_day, unmark_days
from service.store.measurements import last_measurements, save_measurements
from service.store.references import save_reference
from service.store.snapshots import champion_snapshots, find_snapshot, save_snapshot
from tests.store.builders import AT, make_version

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
ENOUGH = Measurement("brier", 0.1, 500, Interval(0.08, 0.12), 0.2, Verdict.WITHIN, cell="all", finding="opacity")
TOO_LITTLE = Measurement("brier", None, 3, None, None, Verdict.INSUFFICIENT, "fewer than 50 labels", cell="site=north", finding="opacity")


@pytest.fixture
def reference(engine: Engine) -> int:
    version = make_version(engine)
    with engine.begin() as connection:
        return save_reference(connection, version.id, since=AT, until=AT, built_at=AT, payload=b"").id


def test_the_last_reading_is_found_by_what_it_measured(engine: Engine, reference: int) -> None:
    with engine.begin() as connection:
        save_measurements(connection, reference, MONDAY, {7: [ENOUGH]})
        save_measurements(connection, reference, TUESDAY, {7: [ENOUGH, TOO_LITTLE]})
        save_measurements(connection, reference, TUESDAY, {7: [ENOUGH, TOO_LITTLE]})
        save_measurements(connection, reference, MONDAY, {90: [ENOUGH]})
        assert [(one.as_of, one.cell, one.window_days, one.verdict) for one in last_measurements(connection, reference)] == [
            (TUESDAY, "all", 7, "within"),
            (MONDAY, "all", 90, "within"),
            (TUESDAY, "site=north", 7, "insufficient"),
        ]
        (one,) = last_measurements(connection, reference, name="brier", cell="all", finding="opacity", feature="", window_days=7)
        assert (one.value, one.n, one.low, one.high, one.limit, one.reason) == (0.1, 500, 0.08, 0.12, 0.2, "")
        assert last_measurements(connection, reference, window_days=30) == []


def test_what_the_last_reading_had_no_word_on_is_told_as_it_was_read_the_day_before(engine: Engine, reference: int) -> None:
    other, fresh = replace(ENOUGH, name="auroc"), replace(ENOUGH, value=0.15)
    with engine.begin() as connection:
        save_measurements(connection, reference, MONDAY - timedelta(days=1), {1: [ENOUGH, replace(ENOUGH, name="older")]})
        save_measurements(connection, reference, MONDAY, {1: [ENOUGH, other]})
        save_measurements(connection, reference, TUESDAY, {1: [fresh]})
        told = [(one.as_of, one.name, one.value) for one in last_measurements(connection, reference)]
    assert told == [(MONDAY, "auroc", 0.1), (TUESDAY, "brier", 0.15)]


def test_a_checkpoint_replaces_that_of_its_day(engine: Engine, reference: int) -> None:
    with engine.begin() as connection:
        assert last_checkpoint(connection, reference) is None
        for day, payload in ((TUESDAY, b"tuesday"), (MONDAY, b"monday"), (MONDAY, b"monday again")):
            save_checkpoint(connection, reference, day, payload, AT)
        assert last_checkpoint(connection, reference) == TUESDAY
        assert load_checkpoint(connection, reference, MONDAY) == b"monday again"
        assert load_checkpoint(connection, reference, MONDAY - timedelta(days=1)) is None


def test_days_are_marked_once_and_rolled_up_anew(engine: Engine, reference: int) -> None:
    with engine.begin() as connection:
        mark_days(connection, reference, [TUESDAY, MONDAY, MONDAY])
        mark_days(connection, reference, [MONDAY])
        assert marked_days(connection, reference, MONDAY) == [MONDAY]
        unmark_days(connection, reference, [MONDAY])
        assert marked_days(connection, reference, TUESDAY) == [TUESDAY]
        save_day(connection, reference, MONDAY, {"all": (2, b"a"), "site=north": (1, b"b")})
        save_day(connection, reference, MONDAY, {"all": (3, b"c")})
        assert days_between(connection, reference, MONDAY, TUESDAY) == [DayTally(MONDAY, "all", 3, b"c")]
        assert days_between(connection, reference, MONDAY, TUESDAY, cell="site=north") == []


def test_a_run_that_went_less_far_does_not_take_the_place_of_the_last_one(engine: Engine) -> None:
    first, second = make_version(engine, "1"), make_version(engine, "2")
    with engine.begin() as connection:
        for until, payload in ((AT, {"run": 1}), (AT + timedelta(hours=1), {"run": 2}), (AT, {"run": 3})):
            save_snapshot(connection, second.id, until=until, computed_at=AT, payload=payload)
        save_snapshot(connection, first.id, until=AT, computed_at=AT, payload={})
        (last,) = champion_snapshots(connection)
        assert (last.version, last.until, last.payload) == ("2", AT + timedelta(hours=1), {"run": 2})
        assert find_snapshot(connection, second.id) == last
        assert find_snapshot(connection, 0) is None
