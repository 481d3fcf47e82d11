"""Spans: a day in UTC as the instants between which it lies."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta


def span_of(day: date) -> tuple[datetime, datetime]:
    """The first instant of a day and that of the next.

    >>> [one.isoformat() for one in span_of(date(2026, 3, 2))]
    ['2026-03-02T00:00:00+00:00', '2026-03-03T00:00:00+00:00']
    """
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    return midnight, midnight + timedelta(days=1)
