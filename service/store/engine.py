"""Connections to Postgres: one engine a process, every session in UTC and bounded in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from service.store.packed import Packed, PackedDumper

CONNECT_TIMEOUT_S = 5
SESSION = (
    "set timezone = 'UTC'; "
    "set statement_timeout = '60s'; "
    "set lock_timeout = '30s'; "
    "set idle_in_transaction_session_timeout = '10min'; "
    "set client_min_messages = 'warning'"
)


def open_engine(url: str) -> Engine:
    """An engine on psycopg 3 for any spelling of a Postgres URL; a connection that died in the pool is replaced unseen."""
    address = make_url(url).set(drivername="postgresql+psycopg")
    keepalive = {"keepalives_idle": 30, "keepalives_interval": 5, "keepalives_count": 3}
    engine = create_engine(address, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_TIMEOUT_S, **keepalive})
    event.listen(engine, "connect", _prepare_session)
    return engine


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """One transaction on a connection of its own, for a command that needs no more."""
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _prepare_session(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    if isinstance(connection, psycopg.Connection):
        connection.adapters.register_dumper(Packed, PackedDumper)
    with closing(connection.cursor()) as cursor:
        cursor.execute(SESSION)
    connection.commit()
