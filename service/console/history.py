"""History: what was measured day by day, with what happened meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from detectors.measurement import Measurement, Verdict
from detectors.readings import Readings
from service.console.charts.over_time import Event, Moment
from service.domain import ModelVersion
from service.store.alarms import alarms_of
from service.store.measurements import readings_between
from service.store.models import versions
from service.store.promotions import promotions_of
from service.worker.calendar import DAY, day_of

MOST = 30
"""Days that are read of a stretch, evenly: of a year every thirteenth, since windows of thirty days move little meanwhile."""
YEAR = 365


@dataclass(frozen=True, slots=True)
class History:
    """What was read of one finding in one cell, day by day: the name of a measurement -> what it said."""

    window_days: int
    readings: tuple[tuple[date, Mapping[str, Measurement]], ...]

    def of(self, name: str) -> list[Moment]:
        """One number, as it was read on each day; days on which it was not asked for are left out."""
        return [moment_of(day, named[name]) for day, named in self.readings if name in named]


@dataclass(frozen=True, slots=True)
class Watched:
    """Of what a history is: a finding in a cell, in windows of so many days."""

    finding: str
    cell: str
    window_days: int


def history(connection: Connection, reference: int, of: Watched, first: date, last: date) -> History:
    """Read a stretch of days, at most thirty of them; the last is among them."""
    every = max(1, -(-((last - first).days + 1) // MOST))
    found = readings_between(connection, reference, of.window_days, first, last, every=every)
    return History(of.window_days, tuple((one.as_of, _named(one.readings, of)) for one in found))


def _named(readings: Readings, of: Watched) -> Mapping[str, Measurement]:
    return {one.name: one for one in (readings[int(row)] for row in readings.where(cell=of.cell, finding=of.finding))}


def moment_of(day: date, one: Measurement) -> Moment:
    """A measurement at the end of a day."""
    low, high = (None, None) if one.interval is None else (one.interval.low, one.interval.high)
    return Moment(day, one.value, low, high, one.n, one.limit, one.verdict is Verdict.BREACHED, one.reason)


def events(connection: Connection, version: ModelVersion) -> Sequence[Event]:
    """Alarms of a version, and when each version of its model began to answer."""
    alarms = [Event(day_of(one.opened_at - DAY / 24), "alarm", one.summary) for one in alarms_of(connection, version.id)]
    named = {one.id: one.version for one in versions(connection, version.model)}
    begun = [
        Event(day_of(one.at), "deployment", f"version {named[one.version]} {one.deed.replace('_', ' ')}")
        for one in promotions_of(connection, version.model)
    ]
    return sorted([*alarms, *begun], key=lambda one: one.day)
