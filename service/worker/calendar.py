"""Calendar: hours and days in UTC, and which of them are over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EPOCH = date(1970, 1, 1)


def closed_until(until: datetime, grace: timedelta) -> datetime:
    """Find the end of the last hour that is over: rows that came in it are in the store by now, save for stragglers.

    >>> closed_until(datetime(2026, 3, 2, 10, 0, 59, tzinfo=UTC), timedelta(minutes=1)).hour
    9
    """
    return floor_hour(until - grace)


def floor_hour(at: datetime) -> datetime:
    """Return the beginning of the hour that an instant lies in."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def floor_day(at: datetime) -> datetime:
    """Return the beginning of the day that an instant lies in."""
    return midnight(day_of(at))


def ceil_day(at: datetime) -> datetime:
    """Return the first midnight that does not lie before an instant."""
    return floor_day(at + DAY - timedelta.resolution)


def day_of(at: datetime) -> date:
    """Return the day that an instant lies in."""
    return at.astimezone(UTC).date()


def midnight(day: date) -> datetime:
    """Return the instant at which a day begins."""
    return datetime.combine(day, time(), tzinfo=UTC)


def last_closed_day(closed: datetime) -> date:
    """Return the last day of which every hour is over."""
    return day_of(closed) - DAY


def number_of(day: date) -> int:
    """Count the days since 1970-01-01."""
    return (day - EPOCH).days


def date_of(number: int) -> date:
    """Return the day that lies so many days after 1970-01-01."""
    return EPOCH + timedelta(days=number)


def days_from(first: date, last: date) -> Iterator[date]:
    """Walk every day from the first to the last, both included; none when the last lies before the first."""
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))
