"""The tables of people who look: their sessions, and what they said of alarms."""

from __future__ import annotations

from sqlalchemy import ARRAY, DDL, Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid, event

from service.store.metadata import metadata, moment

# Who is logged in. Of the cookie only a digest is kept; `key` is the digest of the API key, empty for a token of an issuer.
console_sessions = Table(
    "console_sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("key", LargeBinary),
    Column("name", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("opened_at", moment, nullable=False),
    Column("expires_at", moment, nullable=False),
    Index("console_sessions_expires_at", "expires_at"),
)

# Somebody has seen an alarm and says what is made of it. Changes nothing of the alarm; a trigger lets nobody change or delete one.
acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("alarm", Uuid, ForeignKey("alarms.id"), nullable=False),
    Column("at", moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("acknowledgements_alarm", "alarm", "at"),
)
APPEND_ONLY = (
    (
        "create function acknowledgements_are_append_only() returns trigger language plpgsql as "
        "'begin raise exception ''acknowledgements are append-only''; end'"
    ),
    (
        "create trigger acknowledgements_append_only before update or delete or truncate on acknowledgements "
        "for each statement execute function acknowledgements_are_append_only()"
    ),
)
for statement in APPEND_ONLY:
    event.listen(acknowledgements, "after_create", DDL(statement))  # type: ignore[no-untyped-call] # SQLAlchemy gives it no types
