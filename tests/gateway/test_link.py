"""A Postgres that goes away, freezes and comes back, on a real server."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from service.errors import UnavailableError
from service.gateway.database import Database
from service.gateway.link import Link
from service.store.engine import open_engine
from tests.proxy import proxied


def one(connection: Connection) -> int:
    return int(connection.execute(text("select 1")).scalar_one())


def backend(connection: Connection) -> int:
    return int(connection.execute(text("select pg_backend_pid()")).scalar_one())


def eventually(work: Callable[[], int]) -> int:
    """The next answer that is one; a link waits a moment before it knocks again."""
    for _ in range(100):
        try:
            return work()
        except UnavailableError:
            time.sleep(0.05)
    return work()


def test_a_transaction_is_committed(engine: Engine) -> None:
    link = Link(engine)
    link.run(lambda connection: connection.execute(text("create table kept (n int)")))
    link.close()
    with engine.connect() as other:
        assert other.execute(text("select count(*) from kept")).scalar_one() == 0


def test_a_server_that_was_restarted_is_not_even_noticed(postgres_url: str) -> None:
    with proxied(postgres_url) as (proxy, url):
        engine = open_engine(url)
        link = Link(engine)
        assert link.run(one) == 1
        proxy.stop()
        proxy.restore()
        assert link.run(one) == 1
        link.close()
        engine.dispose()


def test_while_postgres_is_away_calls_fail_at_once_and_afterwards_work_without_a_hand(postgres_url: str) -> None:
    with proxied(postgres_url) as (proxy, url):
        engine = open_engine(url)
        link = Link(engine)
        assert link.run(one) == 1
        proxy.stop()
        for _ in range(20):
            with pytest.raises(UnavailableError):
                link.run(one)
        proxy.restore()
        assert eventually(lambda: link.run(one)) == 1
        link.close()
        engine.dispose()


def test_a_mistake_of_ours_is_not_taken_for_a_loss(engine: Engine) -> None:
    link = Link(engine)
    with pytest.raises(ProgrammingError):
        link.run(lambda connection: connection.execute(text("select * from no_such_table")))
    assert link.run(one) == 1
    link.close()


def test_a_call_that_hangs_can_be_cut_from_outside(engine: Engine) -> None:
    """The backend is frozen for real: it answers neither the query nor a request to cancel it."""
    link = Link(engine)
    process = link.run(backend)
    os.kill(process, signal.SIGSTOP)
    try:
        cutter = threading.Timer(0.2, lambda: link.cut(after=0.1))
        cutter.start()
        assert link.run(one) == 1, "the second try opens a connection to another backend"
        cutter.join()
    finally:
        os.kill(process, signal.SIGCONT)
    link.close()


def test_a_call_that_is_not_overdue_is_not_cut(engine: Engine) -> None:
    link = Link(engine)

    def sleep(connection: Connection) -> int:
        process = backend(connection)
        link.cut(after=60.0)
        return process

    assert link.run(sleep) == link.run(backend)
    link.close()


def test_a_caller_on_the_event_loop_waits_no_longer_than_its_patience(postgres_url: str) -> None:
    async def story() -> None:
        with proxied(postgres_url) as (proxy, url):
            engine = open_engine(url)
            database = Database(engine, links=1)
            assert await database.run(one) == 1
            proxy.freeze()
            with pytest.raises(UnavailableError):
                await database.run(one, patience=0.2)
            proxy.restore()
            assert await database.run(one, patience=20) == 1
            await database.close()
            engine.dispose()

    asyncio.run(story())
