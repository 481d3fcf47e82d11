"""The psycopg cursor below a SQLAlchemy connection, for what only the driver can do: binary COPY and binary results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import Connection


def driver_connection(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    return cast("psycopg.Connection[tuple[Any, ...]]", connection.connection.driver_connection)


@contextmanager
def driver_cursor(connection: Connection, *, binary: bool = False) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """A cursor in the connection's own transaction."""
    if not connection.in_transaction():
        connection.begin()
    with driver_connection(connection).cursor(binary=binary) as cursor:
        yield cursor


@contextmanager
def in_one_go(connection: Connection) -> Iterator[None]:
    """What is executed in this block travels to the server together, with the transaction's begin; the last statement's rows are there after it."""
    with driver_connection(connection).pipeline():
        yield


@contextmanager
def by_itself(connection: Connection) -> Iterator[None]:
    """A statement in this block is a transaction; none may have begun before it."""
    driver = driver_connection(connection)
    driver.autocommit = True
    try:
        yield
    finally:
        if not driver.closed:  # lost meanwhile, it says so itself
            driver.autocommit = False
