"""Audit trail: the log as people look at it, the newest first, by who, what, on what and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from service.access import Deed
from service.store.access_tables import audit
from service.store.audit import entry_of
from service.store.chain import Entry


@dataclass(frozen=True, slots=True)
class Sought:
    """Which rows: of one actor, of one deed, on one subject, in [since, until). None lets everything through."""

    actor: str | None = None
    deed: Deed | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def trail(connection: Connection, sought: Sought, *, most: int, before: int | None = None) -> list[Entry]:
    """At most so many rows, the newest first; before: only rows with smaller numbers, for the next page."""
    query = select(audit).where(*_met(sought)).order_by(audit.c.seq.desc()).limit(most)
    return [entry_of(row) for row in connection.execute(query if before is None else query.where(audit.c.seq < before))]


def trail_part(connection: Connection, sought: Sought, *, most: int, after: int, last: int) -> list[Entry]:
    """At most so many rows with numbers in (after, last], the oldest first: a part of an export."""
    query = select(audit).where(*_met(sought), audit.c.seq > after, audit.c.seq <= last).order_by(audit.c.seq).limit(most)
    return [entry_of(row) for row in connection.execute(query)]


def _met(sought: Sought) -> Iterator[ColumnElement[bool]]:
    if sought.actor is not None:
        yield audit.c.actor == sought.actor
    if sought.deed is not None:
        yield audit.c.deed == sought.deed
    if sought.subject is not None:
        yield (
            audit.c.subject == sought.subject
            if not _is_id(sought.subject)
            else or_(audit.c.subject == sought.subject, _gathers(sought.subject))
        )
    if sought.since is not None:
        yield audit.c.at >= sought.since
    if sought.until is not None:
        yield audit.c.at < sought.until


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _gathers(identifier: str) -> ColumnElement[bool]:
    """Entries that speak of many films have no subject of their own, but list them (service/gateway/audit.py)."""
    return and_(audit.c.subject == "", audit.c.details["subjects"].as_string().contains(identifier, autoescape=True))
