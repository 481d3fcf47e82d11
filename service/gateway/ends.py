"""Ends: how far apart requests end, and so how long those that are in work will take."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

LONGEST_S = 60
WEIGHT = 0.05
"""Of the newest end in the mean time between two."""


class Ends:
    """The mean time between two ends, while there is always work; where there is none, the time between two tells nothing.

    >>> now = [0.0]
    >>> ends = Ends(lambda: now[0])
    >>> for now[0] in (1.0, 1.5, 2.0):
    ...     ends.note(others=True)
    >>> ends.seconds_of(9)
    5
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: float | None = None
        self._count, self._apart_s = 0, 0.0

    def note(self, *, others: bool) -> None:
        """One ends; whether others are still in work."""
        now = self._clock()
        if self._last is not None:
            self._count += 1
            self._apart_s += max(WEIGHT, 1 / self._count) * (now - self._last - self._apart_s)
        self._last = now if others else None

    def seconds_of(self, count: int) -> int:
        """How long so many will take, in whole seconds from 1 to 60."""
        return min(max(ceil(count * self._apart_s), 1), LONGEST_S)
