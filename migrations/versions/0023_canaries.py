"""Canaries: a challenger that answers in part. The code before this one knows none: its gateways let the champion answer every film."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, REAL, BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Identity, Index, Integer, Text, Uuid, text

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    moment = DateTime(timezone=True)
    op.create_table(
        "canaries",
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


def downgrade() -> None:
    op.drop_table("canaries")
