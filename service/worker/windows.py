"""Windows: the sums of the last so many days, each stored tally read once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain, pairwise
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


@dataclass(frozen=True, slots=True)
class Span:
    """A window of so many days whose end lies so many days back."""

    days: int
    age: int


def windows_until(
    connection: Connection, subject: Subject, end: datetime, lengths: Collection[int], ages: Collection[int], *, cell: str | None = None
) -> Iterator[tuple[Span, Window]]:
    """Sum the last so many times 24 hours before each of some moments, which lie so many days before `end`; later ones first.

    What several windows share is read once, and a longer one begins with the sum of the shorter one of its age. Whole days are read from
    their roll-ups, so 90 days cost about 90 rows a cell, plus the hours at the edges. cell: only this one; None: all.
    """
    spans = [Span(days, age) for age in sorted(set(ages)) for days in sorted(set(lengths))]
    edges = sorted({end - offset * DAY for span in spans for offset in (span.age, span.age + span.days)}, reverse=True)
    windows: dict[int, Window] = {span.age: {} for span in spans}
    for until, since in pairwise(edges):
        lying_in = [age for age in windows if since >= end - (age + max(lengths)) * DAY and until <= end - age * DAY]
        if lying_in:
            stored = chain.from_iterable(_pieces(connection, subject.reference_id, since, until, cell))
            further = added_up(subject.reference.schema, stored)
            windows |= {age: _together(windows[age], further) for age in lying_in}
        yield from ((span, windows[span.age]) for span in spans if since == end - (span.age + span.days) * DAY)


def _together(one: Window, other: Window) -> Window:
    return {
        cell: one[cell] + other[cell] if cell in one and cell in other else one.get(cell) or other[cell]
        for cell in dict.fromkeys((*one, *other))
    }


def _pieces(connection: Connection, reference: int, begin: datetime, end: datetime, cell: str | None) -> Iterator[Iterable[Stored]]:
    """Read what lies between two hours: whole days at once, the rest by the hour."""
    first, last = ceil_day(begin), floor_day(end)
    if first >= last:
        yield _hours(connection, reference, begin, end, cell)
        return
    yield days_between(connection, reference, day_of(first), day_of(last - timedelta.resolution), cell)
    if begin < first:
        yield _hours(connection, reference, begin, first, cell)
    if last < end:
        yield _hours(connection, reference, last, end, cell)


def _hours(connection: Connection, reference: int, begin: datetime, end: datetime, cell: str | None) -> Iterable[Stored]:
    return (one for one in tallies_between(connection, reference, begin, end) if cell in {None, one.cell})
