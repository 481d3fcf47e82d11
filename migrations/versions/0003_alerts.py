"""Alerts that Alertmanager or Grafana sent back."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, ForeignKey, PrimaryKeyConstraint, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

moment = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "alerts",
        Column("fingerprint", Text, nullable=False),
        Column("starts_at", moment, nullable=False),
        Column("ends_at", moment),
        Column("labels", JSONB, nullable=False),
        Column("alarm", Uuid, ForeignKey("alarms.id")),
        Column("first_received_at", moment, nullable=False),
        Column("last_received_at", moment, nullable=False),
        PrimaryKeyConstraint("fingerprint", "starts_at", name="alerts_pkey"),
    )
    op.create_index("alerts_alarm", "alerts", ["alarm"])
    op.create_index("alerts_first_received_at", "alerts", ["first_received_at"])


def downgrade() -> None:
    op.drop_table("alerts")
