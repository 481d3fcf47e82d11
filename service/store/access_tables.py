"""The tables of who may call and of what was done."""

from __future__ import annotations

from sqlalchemy import ARRAY, DDL, BigInteger, Column, Identity, Index, LargeBinary, Table, Text, event
from sqlalchemy.dialects.postgresql import JSONB

from service.store.metadata import metadata, moment

# Who may call. Of a key only the digest is kept: 256 random bits need no slow hash, nobody can try them all.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("created_at", moment, nullable=False),
    Column("expires_at", moment),
    Column("revoked_at", moment),
)

# What was done, each row chained to the one before it (service/store/audit.py). A trigger lets nobody change or delete one.
audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("deed", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("audit_deed_subject", "deed", "subject"),
    Index("audit_actor", "actor", "seq"),
    Index("audit_deed", "deed", "seq"),
    Index("audit_subject", "subject", "seq"),
    Index("audit_at", "at"),
)

# What walks along the chain found (service/store/audit_checks.py): rows first to last are as they were written; broken: the first that is not.
audit_checks = Table(
    "audit_checks",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("broken", BigInteger),
    Column("reason", Text, nullable=False),
)
APPEND_ONLY = (
    (
        "create function audit_is_append_only() returns trigger language plpgsql as "
        "'begin raise exception ''the audit log is append-only''; end'"
    ),
    "create trigger audit_append_only before update or delete or truncate on audit for each statement execute function audit_is_append_only()",
)
for statement in APPEND_ONLY:
    event.listen(audit, "after_create", DDL(statement))  # type: ignore[no-untyped-call] # SQLAlchemy gives it no types
