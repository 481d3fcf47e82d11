"""Measure: the windows of a day, through every detector, for reading. Nothing here pages anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from detectors import DETECTORS, OF_INPUTS_AND_SCORES, Detector
from detectors.readings import Readings
from service.store.measurements import save_measurements
from service.worker.calendar import DAY, ceil_day, day_of, floor_day
from service.worker.subject import Subject
from service.worker.windows import windows_until

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
            windows = measure(connection, subject, end, *((WINDOWS_DAYS, DETECTORS) if whole else (LATEST, OF_INPUTS_AND_SCORES)))
            save_measurements(connection, subject.reference_id, day_of(end - timedelta.resolution), windows)
        found |= {days: max(len(readings), found.get(days, 0)) for days, readings in windows.items()}
    return found


def measure(
    connection: Connection, subject: Subject, end: datetime, lengths: Sequence[int], detectors: Sequence[Detector]
) -> Mapping[int, Readings]:
    """Measure windows of these lengths in days that end at this hour."""
    windows = windows_until(connection, subject, end, lengths)
    return {days: Readings.joined(detector(subject.reference, window) for detector in detectors) for days, window in windows}


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
