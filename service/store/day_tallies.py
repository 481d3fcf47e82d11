"""Days: the roll-up of a day's hours, and the marks of days that changed since the last completed run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import day_marks, day_tallies


@dataclass(frozen=True, slots=True)
class DayTally:
    """The encoded sum of one cell over one day, and how many predictions are in it."""

    day: date
    cell: str
    n: int
    payload: bytes


def mark_days(connection: Connection, reference: int, days: Iterable[date]) -> None:
    """Say that hours of these days were tallied, and that no completed run has seen it."""
    if rows := [{"reference": reference, "day": day} for day in sorted(set(days))]:
        connection.execute(insert(day_marks).on_conflict_do_nothing(), rows)


def marked_days(connection: Connection, reference: int, last: date) -> list[date]:
    """Days up to the last one that no completed run has seen as they are now, earliest first."""
    query = select(day_marks.c.day).where(day_marks.c.reference == reference, day_marks.c.day <= last).order_by(day_marks.c.day)
    return list(connection.scalars(query))


def unmark_days(connection: Connection, reference: int, days: Iterable[date]) -> None:
    """Say that these days were seen."""
    connection.execute(delete(day_marks).where(day_marks.c.reference == reference, day_marks.c.day.in_(sorted(days))))


def save_day(connection: Connection, reference: int, day: date, tallies: Mapping[str, tuple[int, bytes]]) -> None:
    """Put the roll-up of a day in the place of the former one: cell -> number of predictions and encoded sum."""
    connection.execute(delete(day_tallies).where(day_tallies.c.reference == reference, day_tallies.c.day == day))
    rows = [
        {"reference": reference, "day": day, "cell": cell, "n": n, "payload": payload} for cell, (n, payload) in sorted(tallies.items())
    ]
    if rows:
        connection.execute(insert(day_tallies), rows)


def days_between(connection: Connection, reference: int, first: date, last: date, cell: str | None = None) -> list[DayTally]:
    """Roll-ups of the days from the first to the last, both included; of one cell, where one is given."""
    query = select(day_tallies.c.day, day_tallies.c.cell, day_tallies.c.n, day_tallies.c.payload).where(
        day_tallies.c.reference == reference, day_tallies.c.day.between(first, last)
    )
    if cell is not None:
        query = query.where(day_tallies.c.cell == cell)
    return [DayTally(*row) for row in connection.execute(query.order_by(day_tallies.c.day, day_tallies.c.cell))]
