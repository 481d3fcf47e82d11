"""Measurements: one row per series and day of reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, func, insert, select

from detectors.measurement import Measurement
from service.store.tables import measurements


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


def save_measurements(connection: Connection, reference: int, as_of: date, windows: Mapping[int, Sequence[Measurement]]) -> None:
    """Put the measurements of a day in the place of the former ones: length of the window in days -> what its detectors said."""
    connection.execute(delete(measurements).where(measurements.c.reference == reference, measurements.c.as_of == as_of))
    rows = list(_rows(reference, as_of, windows))
    if rows:
        connection.execute(insert(measurements), rows)


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
    """What the last reading said, narrowed by whatever is given."""
    wanted = {"name": name, "cell": cell, "finding": finding, "feature": feature, "window_days": window_days}
    columns = [column for column in measurements.c if column.name != "reference"]
    last = select(func.max(measurements.c.as_of)).where(measurements.c.reference == reference).scalar_subquery()
    query = select(*columns).where(measurements.c.reference == reference, measurements.c.as_of == last)
    for key, value in wanted.items():
        if value is not None:
            query = query.where(measurements.c[key] == value)
    order = (measurements.c.name, measurements.c.cell, measurements.c.finding, measurements.c.feature, measurements.c.window_days)
    return [StoredMeasurement(**row._asdict()) for row in connection.execute(query.order_by(*order))]


def _rows(reference: int, as_of: date, windows: Mapping[int, Sequence[Measurement]]) -> Iterator[dict[str, object]]:
    for days, measured in windows.items():
        for one in measured:
            yield {
                "reference": reference,
                "as_of": as_of,
                "name": one.name,
                "cell": one.cell,
                "finding": one.finding,
                "feature": one.feature,
                "window_days": days,
                "value": one.value,
                "n": one.n,
                "low": one.interval.low if one.interval else None,
                "high": one.interval.high if one.interval else None,
                "limit": one.limit,
                "verdict": str(one.verdict),
                "reason": one.reason,
            }
