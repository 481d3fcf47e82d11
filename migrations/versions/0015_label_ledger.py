"""The label ledger: tier, assessment and supersession of statements, those that wait for their film, imports under way, reads asked for."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    Uuid,
    text,
)

revision = "0015"
down_revision = "0014"

TIERS = "('pathology', 'panel', 'follow-up', 'read', 'report')"
ASSESSMENTS = "('accepted', 'rejected', 'supplemented')"
moment = DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("labels", Column("tier", Text, nullable=False, server_default=text("'report'")))
    op.add_column("labels", Column("assessment", Text))
    op.add_column("labels", Column("asked", Boolean, nullable=False, server_default=text("false")))
    op.add_column("labels", Column("supersedes", Uuid))
    op.alter_column("labels", "value", nullable=True)
    op.create_check_constraint("labels_tier", "labels", f"tier in {TIERS}")
    op.create_check_constraint("labels_assessment", "labels", f"assessment in {ASSESSMENTS}")
    op.create_index("labels_supersedes", "labels", ["supersedes"], postgresql_where=text("supersedes is not null"))
    op.execute(f"update labels set tier = source where source in {TIERS}")  # noqa: S608 - made of a constant
    op.create_table(
        "waiting_labels",
        Column("id", Uuid, primary_key=True),
        Column("accession", LargeBinary),
        Column("study", LargeBinary),
        Column("instance", LargeBinary),
        Column("model", Text),
        Column("finding", Text, nullable=False),
        Column("value", Double, CheckConstraint("value between 0 and 1", name="waiting_labels_value")),
        Column("source", Text, nullable=False),
        Column("tier", Text, nullable=False),
        Column("reader", LargeBinary),
        Column("assessment", Text),
        Column("asked", Boolean, nullable=False),
        Column("supersedes", Uuid),
        Column("made_at", moment, nullable=False),
        Column("received_at", moment, nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Index("waiting_labels_received_at", "received_at"),
    )
    op.create_table(
        "label_imports",
        Column("id", Text, nullable=False),
        Column("caller", Text, nullable=False),
        Column("started_at", moment, nullable=False),
        Column("updated_at", moment, nullable=False),
        Column("lines", BigInteger, nullable=False),
        Column("accepted", BigInteger, nullable=False),
        Column("refused", BigInteger, nullable=False),
        Column("waiting", BigInteger, nullable=False),
        Column("added", BigInteger, nullable=False),
        Column("finished", Boolean, nullable=False),
        PrimaryKeyConstraint("caller", "id", name="label_imports_pkey"),
    )
    op.create_table(
        "asked_reads",
        Column("prediction", Uuid, primary_key=True),
        Column("model_version", Integer, nullable=False),
        Column(
            "probability", REAL, CheckConstraint("probability > 0 and probability <= 1", name="asked_reads_probability"), nullable=False
        ),
        Column("reason", Text, nullable=False),
        Column("seed", BigInteger, nullable=False),
        Column("asked_at", moment, nullable=False),
        Index("asked_reads_model_version", "model_version", "prediction"),
    )


def downgrade() -> None:
    for table in ("asked_reads", "label_imports", "waiting_labels"):
        op.drop_table(table)
    op.execute("delete from labels where value is null")
    op.alter_column("labels", "value", nullable=False)
    op.drop_index("labels_supersedes", "labels")
    for constraint in ("labels_assessment", "labels_tier"):
        op.drop_constraint(constraint, "labels")
    for column in ("supersedes", "asked", "assessment", "tier"):
        op.drop_column("labels", column)
