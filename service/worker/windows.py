"""Windows: the sums of the last so many days, each stored tally read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
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
    sums: dict[str, NDArray[np.int64]] = {}
    _add(schema, sums, stored)
    return _frozen(schema, sums)


def days_sum(connection: Connection, subject: Subject, first: date, last: date) -> Window:
    """Sum the days from the first to the last, both included, that are over and folded."""
    return added_up(subject.reference.schema, days_between(connection, subject.reference_id, first, last))


def windows_until(connection: Connection, subject: Subject, end: datetime, lengths: Sequence[int]) -> Iterator[tuple[int, Window]]:
    """Sum the last so many times 24 hours before `end`, for each length in days, shortest first.

    A longer window begins with the shorter one's sum. Whole days are read from their roll-ups, so 90 days cost about 90 rows
    a cell, plus the hours at the edges.
    """
    schema, sums, begin = subject.reference.schema, dict[str, NDArray[np.int64]](), end
    for days in sorted(lengths):
        before = begin
        begin = end - days * DAY
        for stored in _pieces(connection, subject.reference_id, begin, before):
            _add(schema, sums, stored)
        yield days, _frozen(schema, sums)


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


def _add(schema: Schema, sums: dict[str, NDArray[np.int64]], stored: Iterable[Stored]) -> None:
    for one in stored:
        vector = Tally.decode(schema, one.payload).vector
        if one.cell in sums:
            sums[one.cell] += vector
        else:
            sums[one.cell] = vector


def _frozen(schema: Schema, sums: Mapping[str, NDArray[np.int64]]) -> dict[str, Tally]:
    return {cell: Tally(schema, vector.copy()) for cell, vector in sums.items()}
