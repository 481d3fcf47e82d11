"""Checkpoints: the evidence at the end of each day, from which a late label replays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import checkpoints


def last_checkpoint(connection: Connection, reference: int) -> date | None:
    """The last day that was folded."""
    last: date | None = connection.scalar(select(func.max(checkpoints.c.day)).where(checkpoints.c.reference == reference))
    return last


def load_checkpoint(connection: Connection, reference: int, day: date) -> bytes | None:
    """The evidence at the end of a day, encoded; None where the day was not folded."""
    return connection.scalar(select(checkpoints.c.payload).where(checkpoints.c.reference == reference, checkpoints.c.day == day))


def checkpoints_on(connection: Connection, reference: int, days: Sequence[date]) -> list[tuple[date, bytes]]:
    """The evidence at the end of each of these days that was folded, earliest first."""
    query = select(checkpoints.c.day, checkpoints.c.payload).where(checkpoints.c.reference == reference, checkpoints.c.day.in_(days))
    return [(row.day, row.payload) for row in connection.execute(query.order_by(checkpoints.c.day))]


def save_checkpoint(connection: Connection, reference: int, day: date, payload: bytes, folded_until: datetime) -> None:
    """Put the evidence at the end of a day in the place of the former one."""
    values = {"payload": payload, "folded_until": folded_until}
    statement = insert(checkpoints).values(reference=reference, day=day, **values)
    connection.execute(statement.on_conflict_do_update(constraint="checkpoints_pkey", set_=values))
