"""What an alarm was opened as, and what it is once its days were judged again. The code before this one does not know of it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import CheckConstraint, Column, DateTime, Double, ForeignKey, Integer, PrimaryKeyConstraint, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "alarm_judgements",
        Column("alarm", Uuid, ForeignKey("alarms.id"), nullable=False),
        Column("number", Integer, nullable=False),
        Column(
            "standing",
            Text,
            CheckConstraint("standing in ('opened', 'confirmed', 'superseded')", name="alarm_judgements_standing"),
            nullable=False,
        ),
        Column("judged_at", DateTime(timezone=True), nullable=False),
        Column("kind", Text, nullable=False),
        Column("cell", Text, nullable=False),
        Column("since", DateTime(timezone=True), nullable=False),
        Column("evidence", Double, nullable=False),
        Column("summary", Text, nullable=False),
        Column("carriers", JSONB, nullable=False),
        PrimaryKeyConstraint("alarm", "number", name="alarm_judgements_pkey"),
    )


def downgrade() -> None:
    op.drop_table("alarm_judgements")
