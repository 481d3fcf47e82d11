"""Measure: the windows of a day, through every detector, for reading. Nothing here pages anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from detectors import DETECTORS
from detectors.measurement import Measurement
from detectors.reference import Reference
from detectors.tally import Tally
from service.store.measurements import save_measurements
from service.worker.calendar import DAY, ceil_day, day_of
from service.worker.subject import Subject
from service.worker.windows import windows_until

WINDOWS_DAYS = (1, 7, 30, 90)

Measured = Mapping[int, tuple[Measurement, ...]]
"""Length of the window in days -> what its detectors said."""


def measure_days(connection: Connection, subject: Subject, measured: datetime | None, closed: datetime) -> Measured:
    """Measure at the end of every day since `measured`, and at the last closed hour; return what the last one gave.

    A day's final row is that of its midnight. So however seldom passes run, each day leaves the same rows behind it.

    Args:
        connection: Not in a transaction.
        subject: What is measured.
        measured: The closed hour that the last completed pass measured at; None before the first.
        closed: End of the last closed hour.
    """
    last: Measured = {}
    if closed <= subject.until:
        return last
    for end in _ends(measured or subject.until, closed):
        with connection.begin():
            last = measure(connection, subject, end)
            save_measurements(connection, subject.reference_id, day_of(end - timedelta.resolution), last)
    return last


def measure(connection: Connection, subject: Subject, end: datetime) -> Measured:
    """Measure every window that ends at this hour."""
    windows = windows_until(connection, subject, end, WINDOWS_DAYS)
    return {days: tuple(_detected(subject.reference, window)) for days, window in windows}


def _detected(reference: Reference, window: Mapping[str, Tally]) -> Iterator[Measurement]:
    for detector in DETECTORS:
        yield from detector(reference, window)


def _ends(measured: datetime, closed: datetime) -> Iterator[datetime]:
    """Walk the midnights after `measured` and before `closed`, then `closed` itself."""
    end = ceil_day(measured + timedelta.resolution)
    while end < closed:
        yield end
        end += DAY
    yield closed
