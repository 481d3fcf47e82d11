"""Calendar ticks: the days at which an axis of time is marked, in steps that a calendar knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from service.console.charts.scale import Tick

DAYS = (1, 2, 7, 14)
MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
MONTH_DAYS = 28
"""Of the shortest month: so a step of months never marks more often than is allowed."""
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def calendar_ticks(first: date, last: date, most: int = 6) -> tuple[Tick, ...]:
    """Marks from the first to the last day, at most so many: days, Mondays, firsts of a month or of a quarter, New Year's Days.

    value: the day's ordinal.

    >>> [one.label for one in calendar_ticks(date(2026, 3, 2), date(2026, 3, 29), 5)]
    ['2 Mar', '9 Mar', '16 Mar', '23 Mar']
    >>> [one.label for one in calendar_ticks(date(2025, 11, 20), date(2026, 6, 2), 5)]
    ['Jan 2026', 'Mar 2026', 'May 2026']
    """
    length = (last - first).days
    for step in DAYS:
        if length // step + 1 <= most:
            return tuple(Tick(day.toordinal(), f"{day.day} {MONTH_NAMES[day.month - 1]}") for day in _by_days(first, last, step))
    for step in MONTHS:
        if length // (step * MONTH_DAYS) + 1 <= most:
            break
    found = [day for day in _firsts(first, last) if ((day.year * 12 + day.month - 1) % step) == 0]
    kept = found[:: -(-len(found) // most)] if found else [first]
    return tuple(Tick(day.toordinal(), f"{MONTH_NAMES[day.month - 1]} {day.year}") for day in kept)


def _by_days(first: date, last: date, step: int) -> Iterator[date]:
    """Every so-manieth day; weeks begin on Monday."""
    begin = first + timedelta(days=-first.weekday() % 7) if step % 7 == 0 else first
    return (date.fromordinal(day) for day in range(begin.toordinal(), last.toordinal() + 1, step))


def _firsts(first: date, last: date) -> Iterator[date]:
    for month in range(first.year * 12 + first.month - (first.day == 1), last.year * 12 + last.month):
        yield date(month // 12, month % 12 + 1, 1)
