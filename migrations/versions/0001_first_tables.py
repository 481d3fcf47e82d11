"""The tables of one study, end to end: predictions, labels, tallies, evidence, alarms and their outbox."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

moment = DateTime(timezone=True)
TABLES = (
    "model_versions",
    "predictions",
    "submissions",
    "refusals",
    "labels",
    "tally_marks",
    "reference_versions",
    "tallies",
    "day_tallies",
    "day_marks",
    "checkpoints",
    "measurements",
    "snapshots",
    "alarms",
    "remedies",
    "outbox",
)


def upgrade() -> None:
    op.create_table(
        "model_versions",
        Column("id", Integer, Identity(always=True), primary_key=True),
        Column("model", Text, nullable=False),
        Column("version", Text, nullable=False),
        Column("manifest", JSONB, nullable=False),
        Column("artifact_sha256", Text, nullable=False),
        Column("package", Text, nullable=False),
        Column("state", Text, CheckConstraint("state in ('champion', 'shadow', 'retired')", name="model_versions_state"), nullable=False),
        Column("registered_at", moment, nullable=False),
        UniqueConstraint("model", "version", name="model_versions_model_version"),
    )
    op.create_index("model_versions_champion", "model_versions", ["model"], unique=True, postgresql_where=text("state = 'champion'"))
    op.create_table(
        "predictions",
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
        PrimaryKeyConstraint("id", name="predictions_pkey"),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("predictions_model_version_id", "predictions", ["model_version", "id"])
    op.create_index("predictions_study", "predictions", ["study"])
    op.create_index("predictions_accession", "predictions", ["accession"])
    op.create_index("predictions_instance", "predictions", ["instance"])
    op.create_table(
        "submissions",
        Column("key", LargeBinary, primary_key=True),
        Column("prediction", Uuid, nullable=False),
        Column("content", LargeBinary, nullable=False),
        Column("received_at", moment, nullable=False),
    )
    op.create_table(
        "refusals",
        Column("id", Uuid, primary_key=True),
        Column("at", moment, nullable=False),
        Column("model", Text, nullable=False),
        Column("site", Text, nullable=False),
        Column("caller", Text, nullable=False),
        Column("outcome", Text, CheckConstraint("outcome in ('refused', 'failed')", name="refusals_outcome"), nullable=False),
        Column("reason", Text, nullable=False),
        Column("status", Integer, nullable=False),
        Column("input_bytes", BigInteger, nullable=False),
    )
    op.create_index("refusals_at", "refusals", ["at"])
    op.create_table(
        "labels",
        Column("id", Uuid, primary_key=True),
        Column("prediction", Uuid, nullable=False),
        Column("model_version", Integer, nullable=False),
        Column("finding", Text, nullable=False),
        Column("value", Double, CheckConstraint("value between 0 and 1", name="labels_value"), nullable=False),
        Column("source", Text, nullable=False),
        Column("reader", LargeBinary),
        Column("made_at", moment, nullable=False),
        Column("received_at", moment, nullable=False),
    )
    op.create_index("labels_prediction", "labels", ["prediction"])
    op.create_table(
        "tally_marks",
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("model_version", Integer, nullable=False),
        Column("hour", moment, nullable=False),
    )
    op.create_index("tally_marks_hour", "tally_marks", ["model_version", "hour"])
    op.create_table(
        "reference_versions",
        Column("id", Integer, Identity(always=True), primary_key=True),
        Column("model_version", Integer, ForeignKey("model_versions.id"), nullable=False),
        Column("since", moment, nullable=False),
        Column("until", moment, nullable=False),
        Column("built_at", moment, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("state", Text, CheckConstraint("state in ('active', 'retired')", name="reference_versions_state"), nullable=False),
    )
    op.create_index(
        "reference_versions_active", "reference_versions", ["model_version"], unique=True, postgresql_where=text("state = 'active'")
    )
    op.create_table(
        "tallies",
        Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
        Column("hour", moment, nullable=False),
        Column("cell", Text, nullable=False),
        Column("n", Integer, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("tallied_at", moment, nullable=False),
        PrimaryKeyConstraint("reference", "hour", "cell", name="tallies_pkey"),
    )
    op.create_table(
        "day_tallies",
        Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
        Column("day", Date, nullable=False),
        Column("cell", Text, nullable=False),
        Column("n", Integer, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        PrimaryKeyConstraint("reference", "day", "cell", name="day_tallies_pkey"),
    )
    op.create_table(
        "day_marks",
        Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
        Column("day", Date, nullable=False),
        PrimaryKeyConstraint("reference", "day", name="day_marks_pkey"),
    )
    op.create_table(
        "checkpoints",
        Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
        Column("day", Date, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("folded_until", moment, nullable=False),
        PrimaryKeyConstraint("reference", "day", name="checkpoints_pkey"),
    )
    op.create_table(
        "measurements",
        Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
        Column("as_of", Date, nullable=False),
        Column("name", Text, nullable=False),
        Column("cell", Text, nullable=False),
        Column("finding", Text, nullable=False),
        Column("feature", Text, nullable=False),
        Column("window_days", Integer, nullable=False),
        Column("value", Double),
        Column("n", Integer, nullable=False),
        Column("low", Double),
        Column("high", Double),
        Column("limit", Double),
        Column("verdict", Text, nullable=False),
        Column("reason", Text, nullable=False),
        PrimaryKeyConstraint("reference", "as_of", "name", "cell", "finding", "feature", "window_days", name="measurements_pkey"),
    )
    op.create_table(
        "snapshots",
        Column("model_version", Integer, ForeignKey("model_versions.id"), primary_key=True),
        Column("until", moment, nullable=False),
        Column("computed_at", moment, nullable=False),
        Column("payload", JSONB, nullable=False),
    )
    op.create_table(
        "alarms",
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
    )
    op.create_index("alarms_open", "alarms", ["reference", "family"], unique=True, postgresql_where=text("cleared_at is null"))
    op.create_table(
        "remedies",
        Column("id", Uuid, primary_key=True),
        Column("alarm", Uuid, ForeignKey("alarms.id"), nullable=False, unique=True),
        Column("action", Text, nullable=False),
        Column(
            "state",
            Text,
            CheckConstraint("state in ('proposed', 'approved', 'rejected', 'expired', 'done')", name="remedies_state"),
            nullable=False,
        ),
        Column("proposed_at", moment, nullable=False),
    )
    op.create_table(
        "outbox",
        Column("id", Uuid, primary_key=True),
        Column("remedy", Uuid, ForeignKey("remedies.id"), nullable=False, unique=True),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", moment, nullable=False),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("next_attempt_at", moment, nullable=False),
        Column("delivered_at", moment),
        Column("dead_at", moment),
        Column("last_error", Text),
    )
    op.create_index("outbox_due", "outbox", ["next_attempt_at"], postgresql_where=text("delivered_at is null and dead_at is null"))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
