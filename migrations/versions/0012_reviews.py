"""What is attached to an alarm afterwards. The code before this one does not know of it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, PrimaryKeyConstraint, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "alarm_reviews",
        Column("alarm", Uuid, ForeignKey("alarms.id"), nullable=False),
        Column("kind", Text, CheckConstraint("kind in ('confirmation', 'report')", name="alarm_reviews_kind"), nullable=False),
        Column("made_at", DateTime(timezone=True), nullable=False),
        Column("payload", JSONB, nullable=False),
        PrimaryKeyConstraint("alarm", "kind", name="alarm_reviews_pkey"),
    )


def downgrade() -> None:
    op.drop_table("alarm_reviews")
