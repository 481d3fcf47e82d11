"""History: what was measured day by day, with what happened meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from detectors.measurement import Measurement, Verdict
from service.console.charts.over_time import Event, Moment
from service.domain import ModelVersion
from service.store.alarms import alarms_of
from service.store.measurements import StoredReadings, readings_between
from service.store.models import versions
from service.worker.calendar import DAY, day_of

MOST = 60
"""Days that are read of a stretch, evenly: windows of thirty days move little in a week."""
YEAR = 365


@dataclass(frozen=True, slots=True)
class History:
    """Readings of windows of one length, earliest first."""

    window_days: int
    readings: tuple[StoredReadings, ...]

    def of(self, name: str, cell: str, finding: str) -> list[Moment]:
        """One number, as it was read on each day; days on which nobody asked are left out."""
        found = ((read.as_of, read.readings.where(name=name, cell=cell, finding=finding)) for read in self.readings)
        rows = [(day, read.readings[int(rows[0])]) for read, (day, rows) in zip(self.readings, found, strict=True) if len(rows)]
        return [moment_of(day, one) for day, one in rows]


def history(connection: Connection, reference: int, window_days: int, first: date, last: date) -> History:
    """Read a stretch of days, at most sixty of them."""
    every = max(1, -(-((last - first).days + 1) // MOST))
    return History(window_days, tuple(readings_between(connection, reference, window_days, first, last, every=every)))


def moment_of(day: date, one: Measurement) -> Moment:
    """A measurement at the end of a day."""
    low, high = (None, None) if one.interval is None else (one.interval.low, one.interval.high)
    return Moment(day, one.value, low, high, one.n, one.limit, one.verdict is Verdict.BREACHED, one.reason)


def events(connection: Connection, version: ModelVersion) -> Sequence[Event]:
    """Alarms of a version, and when each version of its model was registered."""
    alarms = [Event(day_of(one.opened_at - DAY / 24), "alarm", one.summary) for one in alarms_of(connection, version.id)]
    registered = [
        Event(day_of(one.registered_at), "deployment", f"version {one.version} registered") for one in versions(connection, version.model)
    ]
    return sorted([*alarms, *registered], key=lambda one: one.day)


def share_of(part: Sequence[Moment], whole: Sequence[Moment]) -> list[Moment]:
    """Observations of one number as a share of those of another, on the days that have both."""
    of_day = {one.day: one.n for one in whole}
    return [Moment(one.day, min(one.n / of_day[one.day], 1.0), n=of_day[one.day]) for one in part if of_day.get(one.day)]
