"""A connection to Postgres that one thread owns, and that another thread can cut when a call on it hangs."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import TypeVar

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from service.errors import UnavailableError

T = TypeVar("T")

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
LOST = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


class Link:
    """Runs one transaction after the other. A loss is mended by the next call; while Postgres is away calls fail at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._guard = Lock()
        self._connection: Connection | None = None
        self._pause = FIRST_PAUSE_S
        self._closed_until = 0.0
        self._began: float | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and commit it.

        After a loss `work` runs once more on a new connection, whether or not the first commit took place: it must be idempotent.

        Raises:
            UnavailableError: Postgres is away, or was lost twice.
        """
        had = self._connection is not None
        try:
            return self._once(work)
        except UnavailableError:
            if not had:
                raise
            return self._once(work)

    def _once(self, work: Callable[[Connection], T]) -> T:
        connection = self._open()
        self._began = monotonic()
        try:
            with connection.begin():
                return work(connection)
        except LOST as error:
            self.close()
            raise UnavailableError from error
        except (DBAPIError, psycopg.Error):
            self.close()
            raise
        finally:
            self._began = None

    def _open(self) -> Connection:
        if self._connection is not None:
            return self._connection
        if monotonic() < self._closed_until:
            raise UnavailableError
        try:
            connection = self._engine.connect()
        except (SQLAlchemyError, psycopg.Error) as error:
            self._closed_until = monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
            raise UnavailableError from error
        self._pause = FIRST_PAUSE_S
        self._connection = connection
        return connection

    def close(self) -> None:
        """Give the connection up; the next call opens another."""
        with self._guard:
            connection, self._connection = self._connection, None
        if connection is not None:
            # A connection that is broken already may refuse to be closed well; it is thrown away either way.
            with suppress(SQLAlchemyError, psycopg.Error):
                connection.invalidate()
            with suppress(SQLAlchemyError, psycopg.Error):
                connection.close()

    def cut(self, *, after: float) -> None:
        """From another thread: end a call that has been going for `after` seconds or more, by shutting its socket down.

        A server that is frozen, or behind a network that swallows packets, answers nothing, not even a cancel request;
        the end of the socket is the one message that arrives for certain.
        """
        with self._guard:
            connection, began = self._connection, self._began
            if connection is None or began is None or monotonic() - began < after:
                return
            with suppress(OSError, psycopg.Error, SQLAlchemyError):
                driver = connection.connection.driver_connection
                if isinstance(driver, psycopg.Connection):
                    with socket.socket(fileno=os.dup(driver.fileno())) as twin:
                        twin.shutdown(socket.SHUT_RDWR)
