"""Stretch: the sums of some cells over so many days, read when somebody asks; the pass has no part in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from detectors.hidden import hidden_in
from detectors.plan import ALL
from detectors.tally import Tally
from service.domain import ModelVersion
from service.store.day_tallies import days_between
from service.store.freshness import last_run
from service.store.tallies import tallies_between
from service.worker.calendar import DAY, ceil_day, day_of, floor_day, floor_hour
from service.worker.subject import Subject, subject_of
from service.worker.windows import Stored, Window, added_up


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was tallied of a model version in [since, until), cell by cell, with the reference that it is compared to."""

    subject: Subject
    since: datetime
    until: datetime
    window: Window

    def tally(self, cell: str) -> Tally:
        """Sum of a cell; of no predictions where it has none."""
        return self.window.get(cell) or Tally.zero(self.subject.reference.schema)

    def hides(self, cell: str) -> bool:
        """Whether a cell is too few patients to be told of, or would tell of such by what it leaves; all cells were read."""
        return cell != ALL and cell in hidden_in(self.window, self.subject.reference.plan.cells)


def beside(cell: str) -> list[str] | None:
    """Which cells to read in order to tell of one: a subgroup is told of only where its complement may be."""
    return [ALL] if cell == ALL else None


def stretch_of(
    connection: Connection,
    version: ModelVersion,
    days: int,
    cells: Sequence[str] | None,
    until: datetime | None = None,
    *,
    matured: bool = False,
) -> Stretch | None:
    """Sum so many days that end with the last completed pass, or earlier; None while the version has no reference.

    Args:
        connection: In a transaction.
        version: Of which model.
        days: Length in days of 24 hours.
        cells: Which cells to read; None: all.
        until: End, to the hour; later than the last pass is the last pass, before the end of the reference's period is that.
        matured: Only films old enough to have their labels, as evidence and measurements take them: it ends that many days earlier.
    """
    subject = subject_of(connection, version)
    if subject is None:
        return None
    end = last_run(connection, version.id, subject.reference_id) or subject.until
    if matured:
        end = max(floor_day(end) - subject.maturity_days * DAY, subject.until)
    if until is not None and until < end:
        end = floor_hour(until) if until > subject.until else subject.until
    since = end - days * DAY
    return Stretch(subject, since, end, added_up(subject.reference.schema, _stored(connection, subject.reference_id, since, end, cells)))


def _stored(connection: Connection, reference: int, since: datetime, until: datetime, cells: Sequence[str] | None) -> Iterator[Stored]:
    """Whole days from their roll-ups, the rest by the hour."""
    first, last = ceil_day(since), floor_day(until)
    edges = [(since, min(first, until)), (max(last, first), until)] if first < last else [(since, until)]
    for begin, end in edges:
        if begin < end:
            yield from (one for one in tallies_between(connection, reference, begin, end) if cells is None or one.cell in cells)
    if first < last:
        for cell in [None] if cells is None else cells:
            yield from days_between(connection, reference, day_of(first), day_of(last - timedelta.resolution), cell)
