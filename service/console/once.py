"""Once a pass: what a page with drawings shows of a model changes with the worker's passes only, so it is computed once for each and shown until the next.

Pages that renew themselves, several people who look, and each drawing that is taken along as a file ask for the same again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from threading import Lock
from typing import TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from service.console.page import Asked
from service.gateway.database import Database
from service.store.snapshots import last_pass

V = TypeVar("V")

MOST = 32
"""Views that are kept of one page; one of a large model has some hundred kilobytes."""


def once_a_pass(view: Callable[[Connection, Asked], V]) -> Callable[[Connection, Asked], V]:
    """The view, kept in memory under all that it depends on: the address, the model's last pass with its reference, and the hour."""
    kept: WeakKeyDictionary[Database, OrderedDict[Hashable, V]] = WeakKeyDictionary()
    lock = Lock()

    @wraps(view)
    def remembered(connection: Connection, asked: Asked) -> V:
        asked_for = tuple(sorted(asked.query.items()))
        key = (asked.model, asked_for, last_pass(connection, asked.model), asked.now.replace(minute=0, second=0, microsecond=0))
        with lock:
            mine = kept.setdefault(asked.service.database, OrderedDict())
            if key in mine:
                mine.move_to_end(key)
                return mine[key]
        made = view(connection, asked)
        with lock:
            mine[key] = made
            while len(mine) > MOST:
                mine.popitem(last=False)
        return made

    return remembered
