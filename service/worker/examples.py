"""Examples: a few films of each carrier of an alarm, so that a person can look at them. Ids of predictions only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from sqlalchemy import Connection

from detectors.examples import telling
from detectors.plan import ALL
from detectors.series import Series
from service.domain import Carrier
from service.store.predictions import Rows, rows_between
from service.worker.calendar import DAY, midnight
from service.worker.cells import cell_masks
from service.worker.columns import batch_of, subgroups_of
from service.worker.subject import Subject

OF_A_CARRIER = 5
CARRIERS = 10
"""Carriers that get examples, the first ones."""
LONGEST_DAYS = 7
"""Days that are looked through, the last ones: an alarm is opened while its cause is there."""


def with_examples(connection: Connection, subject: Subject, carriers: Sequence[Carrier], cell: str, last: date) -> tuple[Carrier, ...]:
    """Show up to five predictions with each of the first carriers, the most extreme first, of the cell in which the incident lives.

    Carriers that rest on labels are shown films of the days that came of age with the last one; silence has none to show.
    """
    named = {one.name: one for one in subject.reference.series}
    by_age: dict[bool, Rows] = {}
    shown = []
    for carrier in carriers[:CARRIERS]:
        if carrier.series not in named:
            shown.append(carrier)
            continue
        series = named[carrier.series]
        if series.matured not in by_age:
            by_age[series.matured] = _rows(connection, subject, last, matured=series.matured)
        side = 0 if carrier.side == "low" else 1
        shown.append(replace(carrier, examples=_examples(subject, series, side, cell, by_age[series.matured])))
    return (*shown, *carriers[CARRIERS:])


def _rows(connection: Connection, subject: Subject, last: date, *, matured: bool) -> Rows:
    end = last - subject.maturity_days * DAY if matured else last
    begin = max(end - (LONGEST_DAYS - 1) * DAY, subject.first_day)
    return rows_between(connection, subject.version.id, midnight(begin), midnight(end + DAY), subject.reference.plan.findings)


def _examples(subject: Subject, series: Series, side: int, cell: str, rows: Rows) -> tuple[str, ...]:
    if not len(rows):
        return ()
    batch, inside = batch_of(subject.reference.plan, rows), np.arange(len(rows))
    where = cell if series.cell == ALL else series.cell
    if where != ALL:
        inside = np.flatnonzero(cell_masks([where], subgroups_of(subject.manifest.monitoring.subgroups, rows))[where])
    found = telling(subject.reference, series, side, batch.select(inside), OF_A_CARRIER)
    return tuple(str(rows.ids[inside[place]]) for place in found)
