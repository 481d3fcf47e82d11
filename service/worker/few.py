"""Few: which series that carry an alarm rest on a handful of patients, and are told of without numbers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from detectors.carrier import Carrier
from detectors.evidence import State
from detectors.hidden import hidden_counts, hidden_in
from detectors.plan import ALL
from service.worker.calendar import date_of
from service.worker.subject import Subject
from service.worker.windows import days_sum

LONGEST = 90
"""Days whose patients are counted, the last ones."""


def few(connection: Connection, subject: Subject, state: State, carriers: Sequence[Carrier]) -> frozenset[str]:
    """Name the series of subgroups that counted fewer than 11 patients or labels since they began to move, or tell of such by what they leave.

    What needs no label is watched in all films, and in silence there is nobody; so only what rests on labels is looked at. Evidence is told of
    all: it says how sure the change is and not how many there were.
    """
    found = [one for one in carriers if one.series.matured]
    last = state.day - subject.maturity_days
    hidden: set[str] = set()
    for since in {one.since for one in found if one.series.cell != ALL}:
        begun = [one for one in found if one.since == since]
        first = min(max(since, last - LONGEST + 1), last)
        window = days_sum(connection, subject, date_of(first), date_of(last))
        cells = hidden_in(window, subject.reference.plan.cells)
        hidden |= {one.series.name for one in begun if one.series.cell in cells}
        hidden |= _few_labels(begun)
    return frozenset(hidden)


def _few_labels(begun: Sequence[Carrier]) -> set[str]:
    alike: dict[tuple[str, str, str], dict[str, Carrier]] = {}
    for one in begun:
        alike.setdefault((one.series.family, one.series.finding, one.series.bin), {})[one.series.cell] = one
    return {cells[cell].series.name for cells in alike.values() for cell in hidden_counts({cell: one.n for cell, one in cells.items()})}
