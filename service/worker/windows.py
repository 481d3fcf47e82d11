"""Windows: the sums of the last so many days, each stored tally read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Protocol

from sqlalchemy import Connection

from detectors.schema import Schema
from detectors.tally import Tally
from service.store.day_tallies import days_between
from service.store.tallies import tallies_between
from service.worker.calendar import DAY, ceil_day, day_of, floor_day
from service.worker.subject import Subject

Window = Mapping[str, Tally]
"""Cell -> tally of the window."""


class Stored(Protocol):
    """A stored tally, of an hour or of a day."""

    @property
    def cell(self) -> str: ...

    @property
    def payload(self) -> bytes: ...


def added_up(schema: Schema, stored: Iterable[Stored]) -> dict[str, Tally]:
    """Add stored tallies up, cell by cell."""
    by_cell: dict[str, list[bytes]] = {}
    for one in stored:
        by_cell.setdefault(one.cell, []).append(one.payload)
    return {cell: Tally.decode_sum(schema, payloads) for cell, payloads in by_cell.items()}


def days_sum(connection: Connection, subject: Subject, first: date, last: date) -> Window:
    """Sum the days from the first to the last, both included, that are over and folded."""
    return added_up(subject.reference.schema, days_between(connection, subject.reference_id, first, last))


def windows_until(connection: Connection, subject: Subject, end: datetime, lengths: Sequence[int]) -> Iterator[tuple[int, Window]]:
    """Sum the last so many times 24 hours before `end`, for each length in days, shortest first.

    A longer window begins with the shorter one's sum. Whole days are read from their roll-ups, so 90 days cost about 90 rows
    a cell, plus the hours at the edges.
    """
    schema, window, begin = subject.reference.schema, dict[str, Tally](), end
    for days in sorted(lengths):
        before = begin
        begin = end - days * DAY
        further = added_up(schema, chain.from_iterable(_pieces(connection, subject.reference_id, begin, before)))
        window = {
            cell: window[cell] + further[cell] if cell in window and cell in further else window.get(cell) or further[cell]
            for cell in dict.fromkeys((*window, *further))
        }
        yield days, window


def _pieces(connection: Connection, reference: int, begin: datetime, end: datetime) -> Iterator[Sequence[Stored]]:
    """Read what lies between two hours: whole days at once, the rest by the hour."""
    first, last = ceil_day(begin), floor_day(end)
    if first >= last:
        yield tallies_between(connection, reference, begin, end)
        return
    yield days_between(connection, reference, day_of(first), day_of(last - timedelta.resolution))
    if begin < first:
        yield tallies_between(connection, reference, begin, first)
    if last < end:
        yield tallies_between(connection, reference, last, end)
