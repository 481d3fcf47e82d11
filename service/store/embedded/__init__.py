"""A Postgres of our own below a data folder, from the wheel's programs, so that one command runs everything on a laptop.

The wheel's own `get_server()` leaks its server when its parent is killed, trusts a reused pid and opens folders to everybody; this does not.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import EmbeddedPostgresError
from service.store.embedded.place import Place, find_place
from service.store.embedded.server import READY_WITHIN_S, running, started

LOOK_EVERY_S = 0.05


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[str]:
    """The URL of a Postgres whose data lie in `data_dir/postgres`, and stay there.

    The first process that asks owns the server: it ends with the context, or with the process however that ends.
    A second one with the same folder is given the same server for as long as the first keeps it.

    Raises:
        EmbeddedPostgresError: The server does not start; the message ends with its log.
    """
    place = find_place(data_dir)
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        url = running(place)
        lock = None if url else _try_lock(place)
        if url is not None:
            yield url
            return
        if lock is not None:
            with started(place, lock) as url:
                yield url
            return
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"Another process holds {place.lock}, but its server does not answer.")
        time.sleep(LOOK_EVERY_S)


def _try_lock(place: Place) -> int | None:
    """Take the folder's lock, or None when another process or its server has it."""
    descriptor = os.open(place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    place.give(place.lock)
    return descriptor
