"""Advisory locks by name: how any number of processes share work without a leader. A lock dies with its connection."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

TRY = "select pg_try_advisory_lock(:key)"
WAIT = "select true from pg_advisory_lock(:key)"
RELEASE = "select pg_advisory_unlock(:key)"


@contextmanager
def session_lock(connection: Connection, name: str, *, wait: bool = False) -> Iterator[bool]:
    """Hold the lock of this name over any number of transactions; yields whether we have it.

    The connection must not be in a transaction. With `wait` the answer is always yes.
    """
    key = {"key": key_of(name)}
    held = _committed(connection, WAIT if wait else TRY, key) is True
    try:
        yield held
    finally:
        if held and not connection.invalidated:
            connection.rollback()
            _committed(connection, RELEASE, key)


def hold_until_commit(connection: Connection, name: str) -> None:
    """Wait for the lock of this name and hold it until the transaction ends."""
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": key_of(name)})


def key_of(name: str) -> int:
    """The lock's number: the first eight bytes of the name's SHA-256, signed."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def _committed(connection: Connection, query: str, key: dict[str, int]) -> object:
    answer = connection.scalar(text(query), key)
    connection.commit()
    return answer
