"""Sessions of the console: opened by a key or a token, found by the digest of a cookie, over after some hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from service.access import Act, Deed, Role
from service.store.audit import append
from service.store.console_tables import console_sessions


@dataclass(frozen=True, slots=True)
class Session:
    """One login.

    digest: SHA-256 of the cookie, all that is kept of it. key: digest of the API key that opened it, whose roles and end count; None where
    a token did, of which name and roles are kept here.
    """

    digest: bytes
    key: bytes | None
    name: str
    roles: frozenset[Role]
    opened_at: datetime
    expires_at: datetime


def open_session(connection: Connection, session: Session) -> None:
    """Store a login, and forget those that are over."""
    connection.execute(delete(console_sessions).where(console_sessions.c.expires_at <= session.opened_at))
    values = {name: getattr(session, name) for name in ("digest", "key", "name", "opened_at", "expires_at")}
    statement = insert(console_sessions).values(**values, roles=sorted(session.roles)).on_conflict_do_nothing()
    if connection.scalar(statement.returning(console_sessions.c.digest)) is not None:
        append(connection, Act(session.opened_at, session.name, Deed.SESSION_OPENED))


def find_session(connection: Connection, digest: bytes, at: datetime) -> Session | None:
    """The login of this cookie, unless it is over."""
    query = select(console_sessions).where(console_sessions.c.digest == digest, console_sessions.c.expires_at > at)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    fields = row._asdict()
    return Session(**{**fields, "roles": frozenset(Role(name) for name in fields["roles"])})


def close_session(connection: Connection, digest: bytes, at: datetime) -> None:
    """Log out: the cookie opens nothing any more."""
    name = connection.scalar(delete(console_sessions).where(console_sessions.c.digest == digest).returning(console_sessions.c.name))
    if name is not None:
        append(connection, Act(at, name, Deed.SESSION_CLOSED))
