"""Refuse: what got no answer is written down too, a moment later and never at the cost of a reply."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import structlog

from service.domain import Refusal
from service.errors import UnavailableError
from service.gateway.database import Database
from service.gateway.ledger import Ledger
from service.gateway.spool import Spool
from service.store.refusals import record_refusals

log = structlog.get_logger()

LARGEST_BATCH = 500
LARGEST_BACKLOG = 10_000
PAUSE_S = 0.25
SPOOL_PATIENCE_S = 2.0


class RefusalLog:
    """A bounded backlog in memory that one task empties into Postgres, or into the spool while Postgres is away.

    What neither takes and does not fit is dropped, oldest first, and counted. Each is stored once: it has its id from the start.
    """

    def __init__(self, database: Database, ledger: Ledger, spool: Spool, *, backlog: int = LARGEST_BACKLOG) -> None:
        self._database = database
        self._spool = spool
        self._ledger = ledger
        self._largest = backlog
        self._backlog: deque[Refusal] = deque()
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._work(), name="refusals")

    def add(self, refusal: Refusal) -> None:
        self._backlog.append(refusal)
        self._trim()

    async def close(self) -> None:
        """Write what is left; what neither Postgres nor the spool takes counts as dropped."""
        self._closing.set()
        await self._task
        self._ledger.drop(len(self._backlog))

    async def _work(self) -> None:
        closing = False
        while not closing:
            with suppress(TimeoutError):
                closing = await asyncio.wait_for(self._closing.wait(), PAUSE_S)
            with suppress(UnavailableError):
                while self._backlog:
                    await self._write()

    async def _write(self) -> None:
        batch = [self._backlog.popleft() for _ in range(min(len(self._backlog), LARGEST_BATCH))]
        try:
            await self._database.run(lambda connection: record_refusals(connection, batch))
        except UnavailableError:
            await self._spooled(batch)
        except Exception as error:  # noqa: BLE001 - rows that cannot be stored must not end the task
            self._ledger.drop(len(batch))
            log.error("refusals_not_stored", cause=type(error).__name__, count=len(batch))  # noqa: TRY400 - a message may quote a row

    async def _spooled(self, batch: Sequence[Refusal]) -> None:
        try:
            await self._spool.add(batch, SPOOL_PATIENCE_S)
        except UnavailableError:
            self._backlog.extendleft(reversed(batch))
            self._trim()
            raise

    def _trim(self) -> None:
        while len(self._backlog) > self._largest:
            self._backlog.popleft()
            self._ledger.drop(1)
