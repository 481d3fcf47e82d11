"""Retention: what is older than it may be kept goes, and the audit log says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine, delete, select

from service.access import Act, Deed, Detail
from service.store.audit import WORKER, append
from service.store.label_imports import forget
from service.store.partitions import drop_partitions
from service.store.tables import refusals, waiting_labels

BATCH = 5000


def drop_predictions(
    engine: Engine, before: datetime, *, at: datetime, may_go: Callable[[datetime], bool] = lambda _month: True
) -> list[datetime]:
    """Drop the months that ended by `before`, so never the present one; see `drop_partitions`. Returns the months."""
    months = drop_partitions(engine, min(before, at), may_go)
    if months:
        with engine.begin() as connection:
            names = [f"{month:%Y-%m}" for month in months]
            append(connection, Act(at, WORKER, Deed.RETENTION_DROPPED, "predictions", {"months": names}))
    return months


def drop_waiting_labels(engine: Engine, before: datetime, *, at: datetime) -> int:
    """Remove statements that have waited for their film since before that moment, and the progress of imports that nobody goes on with."""
    with engine.begin() as connection:
        removed = connection.execute(delete(waiting_labels).where(waiting_labels.c.received_at < before)).rowcount
        forget(connection, before)
        if removed:
            details: dict[str, Detail] = {"rows": removed, "before": before.isoformat()}
            append(connection, Act(at, WORKER, Deed.RETENTION_DROPPED, "waiting_labels", details))
    return removed


def drop_refusals(engine: Engine, before: datetime, *, at: datetime) -> int:
    """Remove refusals from before that moment, some thousand in a transaction; how many they were."""
    oldest = select(refusals.c.id).where(refusals.c.at < before).limit(BATCH)
    removed, last = 0, BATCH
    while last == BATCH:
        with engine.begin() as connection:
            last = connection.execute(delete(refusals).where(refusals.c.id.in_(oldest))).rowcount
        removed += last
    if removed:
        with engine.begin() as connection:
            details: dict[str, Detail] = {"rows": removed, "before": before.isoformat()}
            append(connection, Act(at, WORKER, Deed.RETENTION_DROPPED, "refusals", details))
    return removed
