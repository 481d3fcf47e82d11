"""The tables, as the migrations leave them. Queries are built from these; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from service.store.access_tables import api_keys, audit, audit_checks
from service.store.alarm_tables import alarms, alerts, outbox
from service.store.archive_tables import archive_days, archive_tombstones, retallied_days
from service.store.capture_tables import aliases, erasures, ledger_months, ledgers, spool_segments
from service.store.console_tables import acknowledgements, console_sessions
from service.store.label_tables import asked_reads, label_imports, labels, waiting_labels
from service.store.metadata import metadata, moment
from service.store.reading_tables import measurements, readings, series_readings, snapshots
from service.store.remedy_tables import canaries, promotions, remedies, remedy_steps, stops
from service.store.request_tables import requests
from service.store.shadow_tables import comparisons, doomed_objects, kept_instances, shadow_predictions
from service.store.word_tables import accepted_words

__all__ = [
    "accepted_words",
    "acknowledgements",
    "alarms",
    "alerts",
    "aliases",
    "api_keys",
    "archive_days",
    "archive_tombstones",
    "asked_reads",
    "audit",
    "audit_checks",
    "canaries",
    "checkpoints",
    "comparisons",
    "console_sessions",
    "day_marks",
    "day_tallies",
    "doomed_objects",
    "erasures",
    "kept_instances",
    "label_imports",
    "labels",
    "ledger_months",
    "ledgers",
    "measurements",
    "metadata",
    "model_versions",
    "outbox",
    "predictions",
    "promotions",
    "readings",
    "reference_versions",
    "refusals",
    "remedies",
    "remedy_steps",
    "requests",
    "retallied_days",
    "sealed_headers",
    "series_readings",
    "shadow_predictions",
    "snapshots",
    "spool_segments",
    "stops",
    "submissions",
    "tallies",
    "tally_marks",
    "waiting_labels",
]

model_versions = Table(
    "model_versions",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("model", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("manifest", JSONB, nullable=False),
    Column("artifact_sha256", Text, nullable=False),
    Column("package", Text, nullable=False),
    Column("state", Text, CheckConstraint("state in ('champion', 'shadow', 'retired')", name="model_versions_state"), nullable=False),
    Column("registered_at", moment, nullable=False),
    UniqueConstraint("model", "version", name="model_versions_model_version"),
    Index("model_versions_champion", "model", unique=True, postgresql_where=text("state = 'champion'")),
)

# One row per accepted film. Partitioned by the time inside the UUIDv7: dropping a partition is retention.
predictions = Table(
    "predictions",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("received_at", moment, nullable=False),
    Column("site", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("patient", LargeBinary),
    Column("accession", LargeBinary),
    Column("study", LargeBinary),
    Column("series", LargeBinary),
    Column("instance", LargeBinary),
    Column("attributes", JSONB, nullable=False),
    Column("statistics", JSONB, nullable=False),
    Column("logits", ARRAY(REAL), nullable=False),
    Column("embedding", LargeBinary),
    Column("pixel_sha256", LargeBinary),
    Column("input_sha256", LargeBinary, nullable=False),
    Column("input_bytes", BigInteger, nullable=False),
    Column("duration_ms", REAL, nullable=False),
    Column("flags", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("ood_distance", REAL),
    PrimaryKeyConstraint("id", name="predictions_pkey"),
    Index("predictions_model_version_id", "model_version", "id"),
    Index("predictions_study", "study", "id"),
    Index("predictions_accession", "accession"),
    Index("predictions_instance", "instance"),
    postgresql_partition_by="RANGE (id)",
)

# Idempotency across replicas and restarts: the first writer of a key owns it.
submissions = Table(
    "submissions",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("prediction", Uuid, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("received_at", moment, nullable=False),
)

# What a report repeats of the film's header, encrypted with a key that the database does not have; removed after some days.
sealed_headers = Table(
    "sealed_headers",
    metadata,
    Column("prediction", Uuid, primary_key=True),
    Column("header", LargeBinary, nullable=False),
    Column("sealed_at", moment, nullable=False, server_default=text("now()")),
    Index("sealed_headers_sealed_at", "sealed_at", postgresql_using="brin"),
)

refusals = Table(
    "refusals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", moment, nullable=False),
    Column("model", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("outcome", Text, CheckConstraint("outcome in ('refused', 'failed')", name="refusals_outcome"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("input_bytes", BigInteger, nullable=False),
    Column("attribute", Text),
    Index("refusals_at", "at"),
)

# What an embedding is measured by, frozen with the reference; none where the reference has too few embeddings.
yardsticks = Table(
    "yardsticks",
    metadata,
    Column("reference", Integer, ForeignKey("reference_versions.id"), primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

# Sum of the first thousand films of a version and view, each as 12 x 12 means: a picture of nobody. Written 20 films at a time.
mean_films = Table(
    "mean_films",
    metadata,
    Column("model_version", Integer, ForeignKey("model_versions.id"), nullable=False),
    Column("view", Text, nullable=False),
    Column("films", Integer, nullable=False),
    Column("total", ARRAY(Double), nullable=False),
    PrimaryKeyConstraint("model_version", "view", name="mean_films_pkey"),
)

# Who sent films to a model: a few rows a site. Empty text is what the films do not say; station is a keyed pseudonym.
devices = Table(
    "devices",
    metadata,
    Column("model", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("manufacturer", Text, nullable=False),
    Column("device_model", Text, nullable=False),
    Column("software", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("first_seen", moment, nullable=False),
    Column("last_seen", moment, nullable=False),
    Column("films", BigInteger, nullable=False),
    PrimaryKeyConstraint("model", "site", "manufacturer", "device_model", "software", "station", name="devices_pkey"),
)

# Written in the transaction that adds or changes rows of an hour, removed in the one that tallies it:
# an hour with a mark is stale. Append-only, so writers never wait for each other.
tally_marks = Table(
    "tally_marks",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("model_version", Integer, nullable=False),
    Column("hour", moment, nullable=False),
    Index("tally_marks_hour", "model_version", "hour"),
)

reference_versions = Table(
    "reference_versions",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("model_version", Integer, ForeignKey("model_versions.id"), nullable=False),
    Column("since", moment, nullable=False),
    Column("until", moment, nullable=False),
    Column("built_at", moment, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("state", Text, CheckConstraint("state in ('proposed', 'active', 'retired')", name="reference_versions_state"), nullable=False),
    Column("excluded", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("reason", Text),
    Column("activated_at", moment),
    Index("reference_versions_active", "model_version", unique=True, postgresql_where=text("state = 'active'")),
)

tallies = Table(
    "tallies",
    metadata,
    Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
    Column("hour", moment, nullable=False),
    Column("cell", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("tallied_at", moment, nullable=False),
    PrimaryKeyConstraint("reference", "hour", "cell", name="tallies_pkey"),
)

# A day's hours added up, written when the day is over: a window of 90 days is 90 rows a cell.
day_tallies = Table(
    "day_tallies",
    metadata,
    Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("cell", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("reference", "day", "cell", name="day_tallies_pkey"),
)

# Written in the transaction that tallies an hour of the day, removed in the one that stores a completed run:
# a day with a mark has changed since its evidence and its measurements were computed.
day_marks = Table(
    "day_marks",
    metadata,
    Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
    Column("day", Date, nullable=False),
    PrimaryKeyConstraint("reference", "day", name="day_marks_pkey"),
)

# The fold's checkpoint at the end of each day; a late label replays from the day before it.
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("folded_until", moment, nullable=False),
    PrimaryKeyConstraint("reference", "day", name="checkpoints_pkey"),
)
