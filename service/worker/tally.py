"""Tally: the rows of every stale hour that is over, once, as sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from detectors.panels import relabelled
from detectors.plan import ALL
from detectors.tally import Tally, tally_cells
from service.store.day_tallies import mark_days
from service.store.predictions import Rows, rows_between
from service.store.tallies import marked_hours, marks_of, remove_marks, save_tallies
from service.worker.calendar import HOUR, day_of
from service.worker.cells import cell_masks, keeps_waves
from service.worker.columns import batch_of, subgroups_of
from service.worker.subject import Subject


def tally_hours(connection: Connection, subject: Subject, closed: datetime) -> tuple[datetime, ...]:
    """Tally every marked hour that ended by `closed`; neighbouring hours are read together, and committed together.

    The connection reads one snapshot a transaction (REPEATABLE READ). The marks that are removed are those of the rows that
    were read; a writer that commits meanwhile leaves a mark that this transaction does not see, so its hour stays stale.
    Predictions that came by a door that the reference does not know are not counted: they lack what it compares.
    Hours of the reference's own period are what others are compared to; they lose their marks and are not counted.
    """
    with connection.begin():
        hours = marked_hours(connection, subject.version.id, closed)
    for stretch in _stretches(hours):
        with connection.begin():
            _tally_stretch(connection, subject, stretch, closed)
    return tuple(hour for hour in hours if hour >= subject.until)


def _tally_stretch(connection: Connection, subject: Subject, hours: Sequence[datetime], closed: datetime) -> None:
    marks = [mark for hour in hours for mark in marks_of(connection, subject.version.id, hour)]
    counted = [hour for hour in hours if hour >= subject.until]
    if counted:
        findings = subject.reference.plan.findings
        tiers = subject.manifest.monitoring.label_tiers
        rows = rows_between(connection, subject.version.id, counted[0], counted[-1] + HOUR, findings, doors=subject.doors, tiers=tiers)
        by_hour = tallied(subject, rows)
        for hour in counted:
            cells = {cell: (tally.n, tally.encode()) for cell, tally in by_hour.get(hour, {}).items()}
            save_tallies(connection, subject.reference_id, hour, cells, closed)
        mark_days(connection, subject.reference_id, {day_of(hour) for hour in counted})
    remove_marks(connection, marks)


def tallied(subject: Subject, rows: Rows) -> Mapping[datetime, Mapping[str, Tally]]:
    """Tally each hour and cell that has rows, looking at each row once."""
    plan = subject.reference.plan
    inside = cell_masks(plan.cells, subgroups_of(subject.manifest.monitoring.subgroups, rows))
    inside[ALL] = np.ones(len(rows), dtype=bool)
    masks = dict(_masks(rows, inside))
    numbered = {str(number): mask for number, mask in enumerate(masks.values())}
    waves = [str(number) for number, (_, cell) in enumerate(masks) if keeps_waves(cell)]
    sums = tally_cells(subject.reference.schema, relabelled(batch_of(plan, rows), plan.findings, subject.reference.habits), numbered, waves)
    found: dict[datetime, dict[str, Tally]] = {}
    for number, (hour, cell) in enumerate(masks):
        found.setdefault(hour, {})[cell] = sums[str(number)]
    return found


def _masks(rows: Rows, inside: Mapping[str, NDArray[np.bool_]]) -> Iterator[tuple[tuple[datetime, str], NDArray[np.bool_]]]:
    hours = np.array([at.timestamp() // HOUR.total_seconds() for at in rows.received_at])
    for hour in np.unique(hours):
        now = hours == hour
        for cell, mask in inside.items():
            if (both := mask & now).any():
                yield (datetime.fromtimestamp(hour * HOUR.total_seconds(), UTC), cell), both


def _stretches(hours: Sequence[datetime]) -> Iterator[list[datetime]]:
    """Group hours that follow each other within one day."""
    stretch: list[datetime] = []
    for hour in hours:
        if stretch and (hour - stretch[-1] != HOUR or day_of(hour) != day_of(stretch[0])):
            yield stretch
            stretch = []
        stretch.append(hour)
    if stretch:
        yield stretch
