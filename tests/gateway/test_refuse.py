"""What got no answer is written down later, and never holds anybody up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, text

from service.domain import Outcome, Refusal
from service.gateway.database import Database
from service.gateway.ledger import Ledger
from service.gateway.refuse import RefusalLog
from service.gateway.spool import Spool
from service.store.engine import open_engine
from service.store.ids import uuid7
from tests.proxy import proxied


@pytest.fixture
def no_spool(tmp_path: Path) -> Spool:
    """A spool whose folder is a file: nothing can be kept in it."""
    (tmp_path / "spool").write_text("")
    spool = Spool(tmp_path / "spool", uuid4(), limit=1 << 20)
    spool.open()
    return spool


AT = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)


def make_refusal(reason: str = "undecodable") -> Refusal:
    return Refusal(uuid7(AT), AT, "chest", "main", "anonymous", Outcome.REFUSED, reason, 400, 17)


def rows(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("select reason from refusals order by id")))


def dropped(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("stepwedge_refusal_records_dropped_total")


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


async def refuse(engine: Engine, registry: CollectorRegistry, count: int, *, spool: Spool, backlog: int = 10_000) -> None:
    database = Database(engine, links=1)
    log = RefusalLog(database, Ledger(registry), spool, backlog=backlog)
    for _ in range(count):
        log.add(make_refusal())
    await log.close()
    await database.close()


def test_refusals_are_stored_in_batches(engine: Engine, no_spool: Spool) -> None:
    registry = CollectorRegistry()
    asyncio.run(refuse(engine, registry, 1200, spool=no_spool))
    assert len(rows(engine)) == 1200
    assert dropped(registry) == 0


def test_a_backlog_that_is_full_loses_its_oldest_and_says_so(engine: Engine, no_spool: Spool) -> None:
    registry = CollectorRegistry()
    asyncio.run(refuse(engine, registry, 12, spool=no_spool, backlog=10))
    assert len(rows(engine)) == 10
    assert dropped(registry) == 2


def test_with_postgres_away_nothing_hangs_and_what_is_lost_is_counted(postgres_url: str, no_spool: Spool) -> None:
    with proxied(postgres_url) as (proxy, url):
        proxy.stop()
        away, registry = open_engine(url), CollectorRegistry()
        asyncio.run(refuse(away, registry, 7, spool=no_spool))
        away.dispose()
    assert dropped(registry) == 7


def test_refusals_wait_for_postgres_to_come_back(postgres_url: str, engine: Engine, no_spool: Spool) -> None:
    async def story(url: str) -> None:
        through = open_engine(url)
        database = Database(through, links=1)
        log = RefusalLog(database, Ledger(CollectorRegistry()), no_spool)
        proxy.stop()
        log.add(make_refusal())
        await asyncio.sleep(0.6)
        proxy.restore()
        await until(lambda: bool(rows(engine)))
        await log.close()
        await database.close()
        through.dispose()

    with proxied(postgres_url) as (proxy, address):
        asyncio.run(asyncio.wait_for(story(address), 120))
    assert rows(engine) == ["undecodable"]


def test_rows_that_cannot_be_stored_do_not_end_the_writing(engine: Engine, no_spool: Spool) -> None:
    registry = CollectorRegistry()

    async def story() -> None:
        database = Database(engine, links=1)
        log = RefusalLog(database, Ledger(registry), no_spool)
        log.add(make_refusal("nul \0 byte"))
        await until(lambda: bool(dropped(registry)))
        log.add(make_refusal("no-pixels"))
        await log.close()
        await database.close()

    asyncio.run(asyncio.wait_for(story(), 120))
    assert rows(engine) == ["no-pixels"]
