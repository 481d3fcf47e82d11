"""The tables of remedies: what alarms ask for, each step of it, which version answered when, and what was taken out of service."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    DDL,
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from service.store.metadata import metadata, moment

# Where model_version is null, a former release opened it: its alarm says whose it is. An alarm has one open remedy at most.
remedies = Table(
    "remedies",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("alarm", Uuid, ForeignKey("alarms.id"), nullable=False),
    Column("action", Text, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint(
            "state in ('proposed', 'approved', 'rejected', 'expired', 'done', "
            "'handed_over', 'challenged', 'promoted', 'rolled_back', 'failed')",
            name="remedies_state",
        ),
        nullable=False,
    ),
    Column("proposed_at", moment, nullable=False),
    Column("model_version", Integer, ForeignKey("model_versions.id", name="remedies_model_version_fkey")),
    Column("plan", JSONB),
    Column("challenger", Integer, ForeignKey("model_versions.id", name="remedies_challenger_fkey")),
    Column("evidence_bundle", Text),
    Column("decided_at", moment),
    Index("remedies_alarm", "alarm"),
    Index(
        "remedies_open",
        "alarm",
        unique=True,
        postgresql_where=text("state in ('proposed', 'approved', 'handed_over', 'challenged')"),
    ),
)

# What was done about a remedy, by whom and why. Append-only: a trigger sees to it.
remedy_steps = Table(
    "remedy_steps",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("remedy", Uuid, ForeignKey("remedies.id"), nullable=False),
    Column("step", Text, nullable=False),
    Column("at", moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Index("remedy_steps_remedy", "remedy", "id"),
)

APPEND_ONLY = (
    (
        "create function remedy_steps_are_append_only() returns trigger language plpgsql as "
        "'begin raise exception ''the steps of a remedy are append-only''; end'"
    ),
    (
        "create trigger remedy_steps_append_only before update or delete or truncate on remedy_steps "
        "for each statement execute function remedy_steps_are_append_only()"
    ),
)
for statement in APPEND_ONLY:
    event.listen(remedy_steps, "after_create", DDL(statement))  # type: ignore[no-untyped-call] # SQLAlchemy gives it no types

# Which version of a model answered from when on, and in whose place.
promotions = Table(
    "promotions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("model", Text, nullable=False),
    Column("version", Integer, ForeignKey("model_versions.id"), nullable=False),
    Column("former", Integer, ForeignKey("model_versions.id")),
    Column("deed", Text, CheckConstraint("deed in ('registered', 'promoted', 'rolled_back')", name="promotions_deed"), nullable=False),
    Column("at", moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("remedy", Uuid, ForeignKey("remedies.id")),
    Index("promotions_model", "model", "id"),
)

# Models that were taken out of service; one that stands has no end yet.
stops = Table(
    "stops",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("model", Text, nullable=False),
    Column("stopped_at", moment, nullable=False),
    Column("stopped_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("remedy", Uuid, ForeignKey("remedies.id")),
    Column("resumed_at", moment),
    Column("resumed_by", Text),
    Column("resume_reason", Text),
    Index("stops_standing", "model", unique=True, postgresql_where=text("resumed_at is null")),
)

# Challengers that answer in part: the films of a share of the patients, and those of some sites. One of a model stands at most.
canaries = Table(
    "canaries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("model", Text, nullable=False),
    Column("version", Integer, ForeignKey("model_versions.id"), nullable=False),
    Column("remedy", Uuid, ForeignKey("remedies.id"), nullable=False),
    Column("share", REAL, CheckConstraint("share >= 0 and share <= 1", name="canaries_share"), nullable=False),
    Column("sites", ARRAY(Text), nullable=False),
    Column("begun_at", moment, nullable=False),
    Column("begun_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("ended_at", moment),
    Column("ended_by", Text),
    Column("end_reason", Text),
    Index("canaries_standing", "model", unique=True, postgresql_where=text("ended_at is null")),
)
