"""Queue: who is next. An urgent instance goes before what came in the minutes before it, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from time import monotonic

from service.gateway.job import Job, Priority
from service.gateway.ledger import Receipt

HEAD_START_S = {Priority.STAT: 600.0, Priority.ROUTINE: 0.0}
"""A job counts as if it had come this much earlier: STAT is first, and routine work grows old until it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A job and its entry in the ledger, which is opened once it is known which model is asked."""

    job: Job
    receipt: Receipt | None


class Queue:
    """Jobs by age and urgency; one that failed for a cause that may pass sits out its pause first."""

    def __init__(self) -> None:
        self._ready: list[tuple[float, int, Waiting]] = []
        self._paused: list[tuple[float, int, Waiting]] = []
        self._order = count()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ready) + len(self._paused)

    def put(self, waiting: Waiting, *, pause: timedelta = timedelta()) -> None:
        """Queue a job; it is not taken before its pause is over."""
        if pause > timedelta():
            heapq.heappush(self._paused, (monotonic() + pause.total_seconds(), next(self._order), waiting))
        else:
            heapq.heappush(self._ready, (rank(waiting.job), next(self._order), waiting))
        self._changed.set()

    async def take(self) -> Waiting:
        """The next job, as soon as there is one."""
        while True:
            self._wake()
            if self._ready:
                return heapq.heappop(self._ready)[2]
            self._changed.clear()
            timeout = self._paused[0][0] - monotonic() if self._paused else None
            try:
                await asyncio.wait_for(self._changed.wait(), timeout)
            except TimeoutError:
                continue

    def _wake(self) -> None:
        while self._paused and self._paused[0][0] <= monotonic():
            _, order, waiting = heapq.heappop(self._paused)
            heapq.heappush(self._ready, (rank(waiting.job), order, waiting))


def rank(job: Job) -> float:
    """When it counts as having come."""
    return job.accepted_at.timestamp() - HEAD_START_S[job.priority]
