"""Books: what this process counted is written down every few seconds and at its end, so that counts outlive it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from service.errors import UnavailableError
from service.gateway.circuit import Circuit
from service.gateway.database import Database
from service.gateway.ledger import Ledger
from service.store.ledgers import Page, save_page

log = structlog.get_logger()

EVERY_S: Final = 5.0
PATIENCE_S: Final = 4.0


class Books:
    """One page of the table `ledgers`. A kill -9 loses the last seconds of what was told, never what was stored."""

    def __init__(self, process: UUID, database: Database, ledger: Ledger, circuit: Circuit) -> None:
        """Nothing is written before `watch`."""
        self._process = process
        self._database = database
        self._ledger = ledger
        self._circuit = circuit
        self._started_at = datetime.now(UTC)

    async def write(self, patience: float) -> None:
        """Write the page as it is now; also the small write that tells whether Postgres is back.

        Raises:
            UnavailableError: It is not.
        """
        await self._save(self._page(), patience)

    async def watch(self) -> None:
        """Write until cancelled."""
        while True:
            if not self._circuit.open:
                await self._try(self._page())
            await asyncio.sleep(EVERY_S)

    async def close(self) -> None:
        """The last word."""
        await self._try(self._page(ended=True))

    async def _try(self, page: Page) -> None:
        try:
            with suppress(UnavailableError):
                await self._save(page, PATIENCE_S)
        except SQLAlchemyError as error:
            log.warning("books_not_written", kind=type(error).__name__)

    async def _save(self, page: Page, patience: float) -> None:
        def work(connection: Connection) -> None:
            save_page(connection, page)

        await self._database.run(work, patience=patience)

    def _page(self, *, ended: bool = False) -> Page:
        now = datetime.now(UTC)
        return Page(self._process, self._started_at, now, now if ended else None, self._ledger.counts())
