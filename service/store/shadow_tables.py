"""The tables of what works beside the gateway: what challengers said, and which films are kept for retraining."""

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
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB

from service.store.metadata import metadata, moment

# One row per film and challenger. Partitioned like predictions, by the time inside the id of the champion's prediction.
shadow_predictions = Table(
    "shadow_predictions",
    metadata,
    Column("prediction", Uuid, nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("logits", ARRAY(REAL), nullable=False),
    Column("embedding", LargeBinary),
    Column("duration_ms", REAL, nullable=False),
    Column("at", moment, nullable=False),
    PrimaryKeyConstraint("prediction", "model_version", name="shadow_predictions_pkey"),
    Index("shadow_predictions_version", "model_version", "prediction"),
    postgresql_partition_by="RANGE (prediction)",
)

doomed_objects = Table(
    "doomed_objects",
    metadata,
    Column("name", Text, primary_key=True),
    Column("doomed_at", moment, nullable=False),
)

# A film that lies in the object folder for retraining. Written before the object is, with the digest added after: no object without a row.
# A trigger remembers the name of each row that is deleted in doomed_objects, so whatever erases the row dooms the object.
kept_instances = Table(
    "kept_instances",
    metadata,
    Column("prediction", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, CheckConstraint("kind in ('input', 'pixels')", name="kept_instances_kind"), nullable=False),
    Column("sha256", LargeBinary),
    Column("bytes", BigInteger),
    Column("kept_at", moment, nullable=False),
    Index("kept_instances_kept_at", "kept_at"),
)

# The rest of the way of a film that is kept no longer: its row went, in whatever transaction, and its object goes after it.
DOOM = (
    "create function doom_kept_instance() returns trigger language plpgsql as $$ begin "
    "insert into doomed_objects (name, doomed_at) values (old.name, now()) on conflict do nothing; return null; end $$"
)
DOOMED = "create trigger kept_instances_doom after delete on kept_instances for each row execute function doom_kept_instance()"
event.listen(doomed_objects, "after_create", DDL(DOOM))  # type: ignore[no-untyped-call] # SQLAlchemy gives it no types
event.listen(kept_instances, "after_create", DDL(DOOMED))  # type: ignore[no-untyped-call] # SQLAlchemy gives it no types

# What was found when a challenger was held against the champion; a new row where something changed.
comparisons = Table(
    "comparisons",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("champion", Integer, ForeignKey("model_versions.id"), nullable=False),
    Column("challenger", Integer, ForeignKey("model_versions.id"), nullable=False),
    Column("made_at", moment, nullable=False),
    Column("decision", Text, CheckConstraint("decision in ('pass', 'fail', 'not yet')", name="comparisons_decision"), nullable=False),
    Column("payload", JSONB, nullable=False),
    Index("comparisons_challenger", "challenger", "id"),
)
