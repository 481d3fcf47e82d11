"""Measurements: one row per window and day of reading; it holds thousands of them as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection, Date, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from detectors.measurement import Measurement
from detectors.readings import Readings
from service.store.tables import readings


@dataclass(frozen=True, slots=True)
class StoredMeasurement:
    """A measurement as it was read at the end of a day. value, low, high and limit are None where there was nothing to say."""

    as_of: date
    name: str
    cell: str
    finding: str
    feature: str
    window_days: int
    value: float | None
    n: int
    low: float | None
    high: float | None
    limit: float | None
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoredReadings:
    """What was measured of one window, in columns."""

    as_of: date
    window_days: int
    readings: Readings


def save_measurements(connection: Connection, reference: int, as_of: date, windows: Mapping[int, Sequence[Measurement]]) -> None:
    """Put the measurements of a day in the place of the former ones: length of the window in days -> what its detectors said."""
    for days, measured in windows.items():
        payload = Readings.of(measured).to_bytes()
        statement = insert(readings).values(reference=reference, window_days=days, as_of=as_of, payload=payload)
        connection.execute(statement.on_conflict_do_update(constraint="readings_pkey", set_={"payload": payload}))


def last_readings(connection: Connection, reference: int, window_days: int | None = None) -> list[StoredReadings]:
    """What the last reading of each window said, or of one, shortest window first; what it had no word on, as it was read the day before."""
    other = readings.alias()
    same = (other.c.reference == readings.c.reference) & (other.c.window_days == readings.c.window_days)
    latest = select(other.c.as_of).where(same).order_by(other.c.as_of.desc()).limit(2).correlate(readings)
    query = (
        select(readings.c.as_of, readings.c.window_days, readings.c.payload)
        .where(readings.c.reference == reference, readings.c.as_of.in_(latest))
        .order_by(readings.c.window_days, readings.c.as_of.desc())
    )
    if window_days is not None:
        query = query.where(readings.c.window_days == window_days)
    found: list[StoredReadings] = []
    for row in connection.execute(query):
        said = Readings.from_bytes(row.payload)
        newer = found[-1].readings.names if found and found[-1].window_days == row.window_days else frozenset[str]()
        left = said.take(np.flatnonzero([said.words[name] not in newer for name in said.name]))
        if len(left):
            found.append(StoredReadings(row.as_of, row.window_days, left))
    return found


def readings_between(
    connection: Connection, reference: int, window_days: int, first: date, last: date, *, every: int = 1
) -> list[StoredReadings]:
    """What was read of windows of one length at the end of every so-manieth day up to the last, earliest first."""
    query = (
        select(readings.c.as_of, readings.c.window_days, readings.c.payload)
        .where(readings.c.reference == reference, readings.c.window_days == window_days, readings.c.as_of.between(first, last))
        .where((literal(last, Date) - readings.c.as_of) % every == 0)
        .order_by(readings.c.as_of)
    )
    return [StoredReadings(row.as_of, row.window_days, Readings.from_bytes(row.payload)) for row in connection.execute(query)]


def last_reading(connection: Connection, reference: int, window_days: int, last: date) -> date | None:
    """The last day up to this one at whose end windows of this length were read; None where there is none."""
    query = select(func.max(readings.c.as_of)).where(readings.c.reference == reference, readings.c.window_days == window_days)
    found: date | None = connection.scalar(query.where(readings.c.as_of <= last))
    return found


def last_measurements(
    connection: Connection,
    reference: int,
    *,
    name: str | None = None,
    cell: str | None = None,
    finding: str | None = None,
    feature: str | None = None,
    window_days: int | None = None,
) -> list[StoredMeasurement]:
    """What the last reading of each window said, narrowed by whatever is given, by name, cell, finding, feature and window."""
    given = {"name": name, "cell": cell, "finding": finding, "feature": feature}
    wanted = {key: value for key, value in given.items() if value is not None}
    found = [
        stored_measurement(one, int(row))
        for one in last_readings(connection, reference, window_days)
        for row in one.readings.where(**wanted)
    ]
    return sorted(found, key=lambda one: (one.name, one.cell, one.finding, one.feature, one.window_days))


def stored_measurement(read: StoredReadings, row: int) -> StoredMeasurement:
    """One row of what was read."""
    one = read.readings[row]
    low, high = (one.interval.low, one.interval.high) if one.interval else (None, None)
    return StoredMeasurement(
        as_of=read.as_of,
        name=one.name,
        cell=one.cell,
        finding=one.finding,
        feature=one.feature,
        window_days=read.window_days,
        value=one.value,
        n=one.n,
        low=low,
        high=high,
        limit=one.limit,
        verdict=str(one.verdict),
        reason=one.reason,
    )
