"""Tallies: the sums of each closed hour, and the marks that say which hours are stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ARRAY, BigInteger, Connection, Date, any_, cast, delete, func, insert, literal, select

from service.store.ids import uuid7_floor
from service.store.tables import predictions, tallies, tally_marks

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class HourTally:
    """The encoded sum of one cell over one hour, and how many predictions are in it."""

    hour: datetime
    cell: str
    n: int
    payload: bytes


def marked_hours(connection: Connection, model_version: int, before: datetime) -> list[datetime]:
    """Stale hours of a model version that ended by `before`, earliest first."""
    stale = (tally_marks.c.model_version == model_version) & (tally_marks.c.hour <= before - HOUR)
    return list(connection.scalars(select(tally_marks.c.hour).where(stale).distinct().order_by(tally_marks.c.hour)))


def marks_of(connection: Connection, model_version: int, hour: datetime) -> list[int]:
    """The marks of an hour that this transaction sees.

    In a transaction that is REPEATABLE READ they are those of the rows that it sees, so that it may remove them once it has
    tallied these rows: a writer that commits later leaves a mark that it does not see, and the hour stays stale.
    """
    query = select(tally_marks.c.id).where(tally_marks.c.model_version == model_version, tally_marks.c.hour == hour)
    return list(connection.scalars(query))


def remove_marks(connection: Connection, marks: Sequence[int]) -> None:
    """Remove just these marks."""
    connection.execute(delete(tally_marks).where(tally_marks.c.id == any_(literal(list(marks), ARRAY(BigInteger)))))


def mark_hours(connection: Connection, model_version: int, since: datetime, until: datetime) -> None:
    """Mark every hour that has predictions in [since, until): they are to be tallied anew."""
    hour = func.date_trunc("hour", predictions.c.received_at, "UTC")
    inside = (predictions.c.id >= uuid7_floor(since)) & (predictions.c.id < uuid7_floor(until))
    query = select(literal(model_version), hour).where(predictions.c.model_version == model_version, inside).distinct()
    connection.execute(insert(tally_marks).from_select(["model_version", "hour"], query))


def save_tallies(connection: Connection, reference: int, hour: datetime, cells: Mapping[str, tuple[int, bytes]], at: datetime) -> None:
    """Put the tallies of an hour in the place of the former ones: cell -> number of predictions and encoded sum."""
    connection.execute(delete(tallies).where(tallies.c.reference == reference, tallies.c.hour == hour))
    rows = [
        {"reference": reference, "hour": hour, "cell": cell, "n": n, "payload": payload, "tallied_at": at}
        for cell, (n, payload) in sorted(cells.items())
    ]
    if rows:
        connection.execute(insert(tallies), rows)


def tallied_days(connection: Connection, reference: int, since: datetime, until: datetime) -> set[date]:
    """Days that have sums of hours that begin in [since, until)."""
    inside = (tallies.c.reference == reference) & (tallies.c.hour >= since) & (tallies.c.hour < until)
    return set(connection.scalars(select(cast(func.timezone("UTC", tallies.c.hour), Date)).where(inside).distinct()))


def tallies_between(connection: Connection, reference: int, since: datetime, until: datetime) -> list[HourTally]:
    """Tallies of the hours that begin in [since, until), by hour and cell."""
    query = (
        select(tallies.c.hour, tallies.c.cell, tallies.c.n, tallies.c.payload)
        .where(tallies.c.reference == reference, tallies.c.hour >= since, tallies.c.hour < until)
        .order_by(tallies.c.hour, tallies.c.cell)
    )
    return [HourTally(*row) for row in connection.execute(query)]
