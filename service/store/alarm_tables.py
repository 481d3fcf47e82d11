"""The tables of alarms, what is told of them outside and what comes back; what they ask for is in remedy_tables.py."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from service.store.metadata import metadata, moment

alarms = Table(
    "alarms",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("model_version", Integer, ForeignKey("model_versions.id"), nullable=False),
    Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("cell", Text, nullable=False),
    Column("opened_at", moment, nullable=False),
    Column("since", moment, nullable=False),
    Column("cleared_at", moment),
    Column("evidence", Double, nullable=False),
    Column("summary", Text, nullable=False),
    Column("carriers", JSONB, nullable=False),
    Index("alarms_open", "reference", "family", unique=True, postgresql_where=text("cleared_at is null")),
)

# Written in the transaction of what it tells of; delivered afterwards under one id however often it is tried.
# The body of a report is empty here and made when it is sent: it names the patient.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("remedy", Uuid, ForeignKey("remedies.id")),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_attempt_at", moment, nullable=False),
    Column("delivered_at", moment),
    Column("dead_at", moment),
    Column("last_error", Text),
    Column(
        "kind",
        Text,
        CheckConstraint("kind in ('remedy', 'result', 'report', 'retraining')", name="outbox_kind"),
        nullable=False,
        server_default=text("'remedy'"),
    ),
    Column("prediction", Uuid),
    Index("outbox_due", "kind", "next_attempt_at", postgresql_where=text("delivered_at is null and dead_at is null")),
    Index("outbox_remedy", "remedy", "kind", unique=True, postgresql_where=text("remedy is not null")),
    Index("outbox_prediction", "prediction", postgresql_where=text("prediction is not null")),
)

# What is attached to an alarm afterwards: what a library says of it, or where a report lies. None of it decides anything.
alarm_reviews = Table(
    "alarm_reviews",
    metadata,
    Column("alarm", Uuid, ForeignKey("alarms.id"), nullable=False),
    Column("kind", Text, CheckConstraint("kind in ('confirmation', 'report')", name="alarm_reviews_kind"), nullable=False),
    Column("made_at", moment, nullable=False),
    Column("payload", JSONB, nullable=False),
    PrimaryKeyConstraint("alarm", "kind", name="alarm_reviews_pkey"),
)

# number 0 is what an alarm was opened as; each further one is what its opening day looks like since it was judged again.
alarm_judgements = Table(
    "alarm_judgements",
    metadata,
    Column("alarm", Uuid, ForeignKey("alarms.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column(
        "standing",
        Text,
        CheckConstraint("standing in ('opened', 'confirmed', 'superseded')", name="alarm_judgements_standing"),
        nullable=False,
    ),
    Column("judged_at", moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("cell", Text, nullable=False),
    Column("since", moment, nullable=False),
    Column("evidence", Double, nullable=False),
    Column("summary", Text, nullable=False),
    Column("carriers", JSONB, nullable=False),
    PrimaryKeyConstraint("alarm", "number", name="alarm_judgements_pkey"),
)

# What Alertmanager or Grafana sent; one row an alert, however often it is sent again.
alerts = Table(
    "alerts",
    metadata,
    Column("fingerprint", Text, nullable=False),
    Column("starts_at", moment, nullable=False),
    Column("ends_at", moment),
    Column("labels", JSONB, nullable=False),
    Column("alarm", Uuid, ForeignKey("alarms.id")),
    Column("first_received_at", moment, nullable=False),
    Column("last_received_at", moment, nullable=False),
    PrimaryKeyConstraint("fingerprint", "starts_at", name="alerts_pkey"),
    Index("alerts_alarm", "alarm"),
    Index("alerts_first_received_at", "first_received_at"),
)
