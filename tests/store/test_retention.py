"""What is old goes by whole months, the present stays, and the log says what went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, func, select

from service.config import Settings
from service.domain import Outcome, Refusal
from service.store.audit import entries
from service.store.ids import uuid7
from service.store.predictions import record_batch
from service.store.refusals import record_refusals
from service.store.tables import predictions, refusals
from service.worker.housekeeping import Housekeeping
from tests.store.builders import make_prediction, make_version

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def fill(engine: Engine) -> None:
    make_version(engine)
    with engine.begin() as connection:
        for days in (0, 20, 100, 400):
            at = NOW - timedelta(days=days)
            record_batch(connection, [make_prediction(f"film {days}", at=at)])
            record_refusals(connection, [make_refusal(at)])


def make_refusal(at: datetime) -> Refusal:
    return Refusal(
        id=uuid7(at),
        at=at,
        model="chest",
        site="main",
        caller="pacs",
        outcome=Outcome.REFUSED,
        reason="undecodable",
        status=400,
        input_bytes=1,
    )


def left(engine: Engine) -> tuple[int, int]:
    with engine.connect() as connection:
        return tuple(connection.scalar(select(func.count()).select_from(table)) or 0 for table in (predictions, refusals))  # type: ignore[return-value] # two


def test_by_default_nothing_goes(engine: Engine) -> None:
    fill(engine)
    Housekeeping(engine, Settings()).keep(NOW)
    assert left(engine) == (4, 4)


def test_whole_months_and_old_refusals_go_once_a_day(engine: Engine) -> None:
    fill(engine)
    house = Housekeeping(engine, Settings(keep_predictions_days=90, keep_refusals_days=30))
    for _ in range(3):
        house.keep(NOW)
    assert left(engine) == (3, 2)
    with engine.connect() as connection:
        dropped = {entry.act.subject: entry.act.details for entry in entries(connection) if entry.act.deed == "retention.dropped"}
    assert dropped["predictions"] == {"months": ["2025-10"]}
    assert dropped["refusals"]["rows"] == 2


def test_the_present_month_stays_however_short_the_time(engine: Engine) -> None:
    fill(engine)
    Housekeeping(engine, Settings(keep_predictions_days=30)).keep(NOW)
    assert left(engine)[0] == 2
