"""Short calls to Postgres from the event loop, each bounded in time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine

from service.errors import UnavailableError
from service.gateway.link import Link

T = TypeVar("T")

PATIENCE_S = 4.0


class Database:
    """A few threads, each with a link of its own. What hangs is cut and answered with UnavailableError, so no caller waits for ever."""

    def __init__(self, engine: Engine, links: int = 4) -> None:
        self._links = [Link(engine) for _ in range(links)]
        self._unclaimed = list(self._links)
        self._mine = threading.local()
        self._threads = ThreadPoolExecutor(links, thread_name_prefix="database", initializer=self._claim)

    def _claim(self) -> None:
        self._mine.link = self._unclaimed.pop()

    async def run(self, work: Callable[[Connection], T], *, patience: float = PATIENCE_S) -> T:
        """Run `work` in a transaction; it must be idempotent, see `Link.run`.

        Raises:
            UnavailableError: Postgres is away, or has not answered within `patience` seconds.
        """
        in_work: list[Link] = []

        def call() -> T:
            in_work.append(self._mine.link)
            return in_work[0].run(work)

        try:
            async with asyncio.timeout(patience):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError:
            for link in in_work:
                link.cut(after=patience / 2)
            raise UnavailableError from None

    async def close(self) -> None:
        """Let running calls end, cut what hangs, give all connections up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for link in self._links:
            link.cut(after=0.0)
        await asyncio.to_thread(self._threads.shutdown, wait=True)
        for link in self._links:
            link.close()
