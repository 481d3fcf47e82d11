"""What challengers say beside the champion, films that are kept for retraining, comparisons. The code before this one knows none of them.

It erases a film without looking into these tables: until every process is new, no challenger should be registered and no film kept.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"

FUNCTION = (
    "create function doom_kept_instance() returns trigger language plpgsql as $$ begin "
    "insert into doomed_objects (name, doomed_at) values (old.name, now()) on conflict do nothing; return null; end $$"
)
TRIGGER = "create trigger kept_instances_doom after delete on kept_instances for each row execute function doom_kept_instance()"


def upgrade() -> None:
    op.create_table(
        "shadow_predictions",
        Column("prediction", Uuid, nullable=False),
        Column("model_version", Integer, nullable=False),
        Column("logits", ARRAY(REAL), nullable=False),
        Column("embedding", LargeBinary),
        Column("duration_ms", REAL, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("prediction", "model_version", name="shadow_predictions_pkey"),
        postgresql_partition_by="RANGE (prediction)",
    )
    op.create_index("shadow_predictions_version", "shadow_predictions", ["model_version", "prediction"])
    op.create_table("doomed_objects", Column("name", Text, primary_key=True), Column("doomed_at", DateTime(timezone=True), nullable=False))
    op.execute(FUNCTION)
    op.create_table(
        "kept_instances",
        Column("prediction", Uuid, primary_key=True),
        Column("name", Text, nullable=False),
        Column("kind", Text, CheckConstraint("kind in ('input', 'pixels')", name="kept_instances_kind"), nullable=False),
        Column("sha256", LargeBinary),
        Column("bytes", BigInteger),
        Column("kept_at", DateTime(timezone=True), nullable=False),
    )
    op.create_index("kept_instances_kept_at", "kept_instances", ["kept_at"])
    op.execute(TRIGGER)
    op.create_table(
        "comparisons",
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("champion", Integer, ForeignKey("model_versions.id"), nullable=False),
        Column("challenger", Integer, ForeignKey("model_versions.id"), nullable=False),
        Column("made_at", DateTime(timezone=True), nullable=False),
        Column("decision", Text, CheckConstraint("decision in ('pass', 'fail', 'not yet')", name="comparisons_decision"), nullable=False),
        Column("payload", JSONB, nullable=False),
    )
    op.create_index("comparisons_challenger", "comparisons", ["challenger", "id"])


def downgrade() -> None:
    for table in ("comparisons", "kept_instances", "doomed_objects", "shadow_predictions"):
        op.drop_table(table)
    op.execute("drop function doom_kept_instance()")
