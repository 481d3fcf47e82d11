"""Measurements: one row per series and day of reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, delete, func, select

from detectors.measurement import Measurement
from service.store.drivers import driver_cursor
from service.store.tables import measurements

# Column and type, in the order in which _rows gives them: a model with twenty subgroups leaves seventeen thousand rows a reading.
TYPES: Final = {
    "reference": "int4",
    "as_of": "date",
    "name": "text",
    "cell": "text",
    "finding": "text",
    "feature": "text",
    "window_days": "int4",
    "value": "float8",
    "n": "int4",
    "low": "float8",
    "high": "float8",
    '"limit"': "float8",
    "verdict": "text",
    "reason": "text",
}
COPY: Final = f"copy measurements ({', '.join(TYPES)}) from stdin (format binary)"


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
    with driver_cursor(connection) as cursor, cursor.copy(COPY) as copy:
        copy.set_types(list(TYPES.values()))
        for row in _rows(reference, as_of, windows):
            copy.write_row(row)


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


def _rows(reference: int, as_of: date, windows: Mapping[int, Sequence[Measurement]]) -> Iterator[tuple[object, ...]]:
    for days, measured in windows.items():
        for one in measured:
            low, high = (one.interval.low, one.interval.high) if one.interval else (None, None)
            where = (one.name, one.cell, one.finding, one.feature, days)
            yield (
                reference,
                as_of,
                *where,
                _double(one.value),
                one.n,
                _double(low),
                _double(high),
                _double(one.limit),
                str(one.verdict),
                one.reason,
            )


def _double(value: float | None) -> float | None:
    """NumPy's numbers as the driver's binary form knows them."""
    return None if value is None else float(value)
