"""The months of `shadow_predictions`: made on demand by whoever writes there, dropped with those of `predictions`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from service.store.ids import uuid7_floor
from service.store.locks import hold_until_commit

LOCK = "partitions of shadow_predictions"
EXISTS = text("select exists (select from pg_class where relname = :name and pg_table_is_visible(oid))")
DECEMBER = 12


def ensure_shadow_months(connection: Connection, months: Iterable[datetime]) -> None:
    """Make the partitions of these months (first instants, UTC) where they are missing, in the caller's transaction. Only challengers wait for it."""
    missing = [month for month in sorted(months) if not connection.scalar(EXISTS, {"name": name_of(month)})]
    if not missing:
        return
    hold_until_commit(connection, LOCK)
    for month in missing:
        low, high = (
            uuid7_floor(month),
            uuid7_floor(month.replace(year=month.year + month.month // DECEMBER, month=month.month % DECEMBER + 1)),
        )
        made = f"create table if not exists {name_of(month)} partition of shadow_predictions for values from ('{low}') to ('{high}')"
        connection.execute(text(made))


def drop_shadow_month(connection: Connection, month: datetime) -> None:
    """Drop what challengers said of a month's films."""
    hold_until_commit(connection, LOCK)
    connection.execute(text(f"drop table if exists {name_of(month)}"))


def name_of(month: datetime) -> str:
    """Name of a month's partition."""
    return f"shadow_predictions_{month:%Y_%m}"
