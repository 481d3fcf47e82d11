"""Measure: the windows of a day, through every detector, for reading. Nothing here pages anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from detectors import OF_INPUTS_AND_SCORES, OF_LABELS, Detector
from detectors.estimated_performance import estimated_performance
from detectors.hidden import WHY, hidden_in
from detectors.label_maturity import COHORTS, label_maturity
from detectors.measurement import Measurement
from detectors.plan import ALL
from detectors.readings import Readings
from service.store.measurements import save_measurements
from service.worker.calendar import DAY, ceil_day, day_of, floor_day
from service.worker.subject import Subject
from service.worker.windows import Window, windows_until

WINDOWS_DAYS = (1, 7, 30, 90)
LATEST = WINDOWS_DAYS[:1]
"""The window that is measured every hour, as far as no label is needed: films of the last hours have none yet. All the rest is measured
when a day is over, up to it: the other windows move by a day in a week or more."""


def measure_days(
    connection: Connection, subject: Subject, measured: datetime | None, changed: Sequence[date], closed: datetime
) -> Mapping[int, int]:
    """Measure at the end of every day since `measured`, and at the last closed hour; tell how many measurements there are of each window.

    A day's final row is that of its midnight. So however seldom passes run, each day leaves the same rows behind it.
    Labels that came for days that are over are seen at once: the windows up to the last midnight are measured anew.

    Args:
        connection: Not in a transaction.
        subject: What is measured.
        measured: The closed hour that the last completed pass measured at; None before the first.
        changed: Days whose tallies changed since then.
        closed: End of the last closed hour.
    """
    found: dict[int, int] = {}
    if closed <= subject.until:
        return found
    for end in _ends(subject, measured or subject.until, changed, closed):
        with connection.begin():
            whole = end == floor_day(end)
            windows = measure(connection, subject, end) if whole else measure_inputs(connection, subject, end)
            save_measurements(connection, subject.reference_id, day_of(end - timedelta.resolution), windows)
        found |= {days: max(len(readings), found.get(days, 0)) for days, readings in windows.items()}
    return found


def measure(connection: Connection, subject: Subject, end: datetime) -> Mapping[int, Readings]:
    """Measure the windows that end at this midnight; what rests on labels, on films that are old enough to have them.

    So their labels are judged at the same age as by the evidence, and a window is not bent by positives that are confirmed first.
    """
    parts: dict[int, list[Iterable[Measurement]]] = {days: [] for days in WINDOWS_DAYS}
    for span, window in windows_until(connection, subject, end, WINDOWS_DAYS, {0, subject.maturity_days}):
        fresh = (*OF_INPUTS_AND_SCORES, estimated_performance) if span.age == 0 else ()
        mature = OF_LABELS if span.age == subject.maturity_days else ()
        parts[span.days].append(_read(subject, window, (*fresh, *mature)))
    for span, window in windows_until(connection, subject, end, WINDOWS_DAYS, COHORTS, cell=ALL):
        parts[span.days].append(label_maturity(subject.reference, window, span.age))
    return {days: Readings.joined(found) for days, found in parts.items()}


def measure_inputs(connection: Connection, subject: Subject, end: datetime) -> Mapping[int, Readings]:
    """Measure within the day what needs no label."""
    windows = windows_until(connection, subject, end, LATEST, (0,))
    return {span.days: _read(subject, window, OF_INPUTS_AND_SCORES) for span, window in windows}


def _read(subject: Subject, window: Window, detectors: Sequence[Detector]) -> Readings:
    """Ask detectors of a window; nothing is told of a handful of patients."""
    read = Readings.joined(detector(subject.reference, window) for detector in detectors)
    return read.hiding(hidden_in(window, subject.reference.plan.cells), WHY)


def _ends(subject: Subject, measured: datetime, changed: Sequence[date], closed: datetime) -> Iterator[datetime]:
    """Walk the midnights after `measured` and before `closed`, or the last one once more where a day before it changed, then `closed`."""
    end = ceil_day(measured + timedelta.resolution)
    last = floor_day(closed)
    if subject.until < last < min(end, closed) and any(day < day_of(last) for day in changed):
        yield last
    while end < closed:
        yield end
        end += DAY
    yield closed
