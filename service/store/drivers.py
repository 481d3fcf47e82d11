"""The psycopg cursor below a SQLAlchemy connection, for what only the driver can do: binary COPY and binary results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import Connection


@contextmanager
def driver_cursor(connection: Connection, *, binary: bool = False) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """A cursor in the connection's own transaction."""
    if not connection.in_transaction():
        connection.begin()
    driver = cast("psycopg.Connection[tuple[Any, ...]]", connection.connection.driver_connection)
    with driver.cursor(binary=binary) as cursor:
        yield cursor


@contextmanager
def in_one_go(connection: Connection) -> Iterator[None]:
    """What is executed in this block travels to the server together, with the transaction's begin; the last statement's rows are there after it."""
    driver = cast("psycopg.Connection[tuple[Any, ...]]", connection.connection.driver_connection)
    with driver.pipeline():
        yield
