"""Circuit: whether Postgres is known to be away, so that only the first request of an outage waits to find out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Circuit:
    """Open while Postgres is away. Lives on the event loop."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self._heard: list[Callable[[], None]] = []

    @property
    def open(self) -> bool:
        return self.opened.is_set()

    def on_open(self, heard: Callable[[], None]) -> None:
        """Have something done each time Postgres is found to be away."""
        self._heard.append(heard)

    def trip(self) -> None:
        if not self.open:
            self.opened.set()
            for heard in self._heard:
                heard()

    def mend(self) -> None:
        self.opened.clear()
