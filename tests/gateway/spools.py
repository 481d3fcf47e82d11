"""Spools with defaults, and what becomes of what they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, text

from service.domain import Outcome, Prediction, Refusal
from service.gateway.books import Books
from service.gateway.circuit import Circuit
from service.gateway.database import Database
from service.gateway.drain import Drainer
from service.gateway.ledger import Ledger
from service.gateway.spool import Spool
from service.gateway.watermarks import Watermarks
from service.store.ids import uuid7
from tests.store.builders import AT

T = TypeVar("T")
PATIENCE = 10.0


def make_refusal(reason: str = "undecodable") -> Refusal:
    return Refusal(uuid7(AT), AT, "chest", "main", "pacs", Outcome.REFUSED, reason, 400, 17)


def with_spool(root: Path, story: Callable[[Spool], Awaitable[T]], limit: int = 1 << 20) -> T:
    async def run() -> T:
        spool = Spool(root, uuid4(), limit=limit)
        spool.open()
        try:
            return await story(spool)
        finally:
            await spool.close(PATIENCE)

    return asyncio.run(run())


def spooled(root: Path, *predictions: Prediction) -> None:
    """A process that spooled these and ended before Postgres came back."""

    async def story(spool: Spool) -> None:
        await asyncio.gather(*(spool.keep(one, PATIENCE) for one in predictions))

    with_spool(root, story)


def drained(root: Path, engine: Engine) -> dict[str, float]:
    """Start on this volume, drain until nothing is left, and say what became of it."""
    registry = CollectorRegistry()

    async def story(spool: Spool) -> None:
        database, circuit = Database(engine, links=1), Circuit()
        books = Books(uuid4(), database, Ledger(registry), circuit)
        drainer = Drainer(database, spool, circuit, Watermarks(registry, spool, circuit), books)
        try:
            while not spool.empty:
                await drainer.step()
        finally:
            await database.close()

    with_spool(root, story)
    found = {s.labels["outcome"]: s.value for f in registry.collect() for s in f.samples if s.name == "stepwedge_spool_drained_total"}
    return {outcome: count for outcome, count in found.items() if count}


def stored(engine: Engine) -> list[UUID]:
    with engine.connect() as connection:
        return list(connection.scalars(text("select id from predictions order by id")))


def segments(root: Path) -> list[Path]:
    return sorted(root.glob("*/*.seg"))
