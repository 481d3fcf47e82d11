"""Hourglass: many waits of one length on one timer. Nearly all of them end long before, and a timer for each would cost more than they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Hourglass(Generic[T]):
    """Belongs to one event loop at a time. Whoever waits is told by what it is, so it must be hashable."""

    def __init__(self, seconds: float, lost: Callable[[T], None]) -> None:
        """Nothing runs before the first `start`.

        Args:
            seconds: How long anybody may wait.
            lost: Called with whoever has waited that long, on the event loop.
        """
        self._seconds = seconds
        self._lost = lost
        self._until: dict[T, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self, waiting: T) -> None:
        """From now on; who waits already begins anew."""
        loop = asyncio.get_running_loop()
        self._until.pop(waiting, None)
        self._until[waiting] = loop.time() + self._seconds
        if self._timer is None or loop is not self._loop:
            self._loop = loop
            self._timer = loop.call_later(self._seconds, self._look)

    def stop(self, waiting: T) -> None:
        """It came in time."""
        self._until.pop(waiting, None)

    def _look(self) -> None:
        """All wait equally long, so who began first ends first: the others are not looked at."""
        loop = asyncio.get_running_loop()
        self._timer = None
        for waiting, until in list(self._until.items()):
            if until > loop.time():
                self._timer = loop.call_at(until, self._look)
                return
            del self._until[waiting]
            self._lost(waiting)
