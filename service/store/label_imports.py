"""Imports of labels: how far each has come, so that one that broke off goes on where it stopped."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import label_imports as table


@dataclass(frozen=True, slots=True)
class Import:
    """An import, by the name that a caller gave it."""

    caller: str
    name: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Lines of a file that were read, and what became of the statements in them."""

    lines: int = 0
    accepted: int = 0
    refused: int = 0
    waiting: int = 0
    added: int = 0
    finished: bool = False


NOTHING = Progress()


def progress_of(connection: Connection, one: Import) -> Progress | None:
    """How far an import has come; None where it was never begun."""
    row = connection.execute(select(table).where(_is(one))).one_or_none()
    return None if row is None else Progress(row.lines, row.accepted, row.refused, row.waiting, row.added, row.finished)


def advance(connection: Connection, one: Import, before: Progress, now: Progress, *, at: datetime) -> bool:
    """Write progress down, with the batch that made it; false where somebody else has carried this import on meanwhile."""
    values = asdict(now) | {"updated_at": at}
    if before == NOTHING:
        first = insert(table).values(caller=one.caller, id=one.name, started_at=at, **values).on_conflict_do_nothing().returning(table.c.id)
        if connection.scalar(first) is not None:
            return True
    return connection.execute(update(table).where(_is(one), table.c.lines == before.lines).values(**values)).rowcount == 1


def forget(connection: Connection, before: datetime) -> int:
    """Remove imports that nobody has touched since."""
    return connection.execute(delete(table).where(table.c.updated_at < before)).rowcount


def _is(one: Import) -> ColumnElement[bool]:
    return (table.c.caller == one.caller) & (table.c.id == one.name)
