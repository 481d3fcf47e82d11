"""Drain: what the spool holds goes to Postgres as soon as it is there; the same try says that it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

import psycopg
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from service.errors import UnavailableError
from service.gateway.books import Books
from service.gateway.circuit import Circuit
from service.gateway.database import Database
from service.gateway.entry import Entry, read_entry, write_entry
from service.gateway.segment import Record, framed, scan
from service.gateway.shelf import Shelf, number_of
from service.gateway.spool import Spool
from service.gateway.watermarks import Watermarks
from service.store.drained import Drained, drain

log = structlog.get_logger()

CHUNK: Final = 200
PATIENCE_S: Final = 10.0
PROBE_PATIENCE_S: Final = 2.0
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 2.0
IDLE_S: Final = 1.0
ADOPT_S: Final = 10.0
NOT_STORABLE: Final = (DataError, IntegrityError, psycopg.DataError, psycopg.IntegrityError, ValueError)
"""Errors that are the record's own: trying again will not help, and others must not wait for it."""


class Drainer:
    """Empties the spool segment by segment, closes the circuit when Postgres takes what it is given, and adopts what dead processes left."""

    def __init__(self, database: Database, spool: Spool, circuit: Circuit, watermarks: Watermarks, books: Books) -> None:
        """Nothing runs before `watch`.

        Args:
            database: Where it goes.
            spool: What is drained.
            circuit: Opened and closed here.
            watermarks: Counts what is drained.
            books: A small write, for when Postgres is away and there is nothing to drain.
        """
        self._database = database
        self._spool = spool
        self._circuit = circuit
        self._watermarks = watermarks
        self._books = books
        self._looked = monotonic()

    async def watch(self) -> None:
        """Until cancelled: no error ends it."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self.step()
            except Exception as error:  # noqa: BLE001 - whatever it is, what is spooled must be tried again
                if not isinstance(error, UnavailableError):
                    log.error("spool_not_drained", kind=type(error).__name__)  # noqa: TRY400 - a message may quote a row
                self._circuit.trip()
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
                continue
            pause = FIRST_PAUSE_S
            if self._spool.empty:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._circuit.opened.wait(), IDLE_S)

    async def step(self) -> None:
        """Drain one segment; with none to drain, ask Postgres whether it is back."""
        if monotonic() - self._looked > ADOPT_S:
            self._looked = monotonic()
            await asyncio.to_thread(self._spool.adopt)
        found = None if self._spool.empty else await asyncio.to_thread(self._spool.oldest)
        if found is not None:
            await self._drain(*found)
        elif self._circuit.open:
            await self._books.write(PROBE_PATIENCE_S)
        self._circuit.mend()

    async def _drain(self, shelf: Shelf, segment: Path) -> None:
        data = await asyncio.to_thread(segment.read_bytes)
        found = scan(data)
        if found.damaged:
            shelf.set_aside(segment, data)
            self._watermarks.damaged(found.damaged)
        entries = list(self._entries(shelf, segment, found.records))
        for begin in range(0, len(entries), CHUNK):
            await self._store(shelf, segment, entries[begin : begin + CHUNK])
            self._circuit.mend()
        await asyncio.to_thread(self._spool.remove, shelf, segment)

    def _entries(self, shelf: Shelf, segment: Path, records: Sequence[Record]) -> list[tuple[int, Entry]]:
        entries: list[tuple[int, Entry]] = []
        for record in records:
            try:
                entries.append((record.end, read_entry(record.payload)))
            except ValueError:
                self._reject(shelf, segment, record.payload)
        return entries

    async def _store(self, shelf: Shelf, segment: Path, entries: Sequence[tuple[int, Entry]]) -> None:
        """One transaction; where the whole of it is not storable each alone, so that one bad record keeps only itself out."""

        def work(connection: Connection) -> Drained:
            return drain(connection, shelf.process, number_of(segment), entries)

        try:
            self._watermarks.drained(await self._database.run(work, patience=PATIENCE_S))
        except NOT_STORABLE:
            if len(entries) == 1:
                self._reject(shelf, segment, write_entry(entries[0][1]))
                return
            for entry in entries:
                await self._store(shelf, segment, [entry])

    def _reject(self, shelf: Shelf, segment: Path, payload: bytes) -> None:
        log.error("spooled_record_rejected")
        shelf.set_aside(segment, framed(payload))
        self._watermarks.rejected()
