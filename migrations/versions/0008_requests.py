"""Requests that are answered later."""

from __future__ import annotations

from alembic import op
from sqlalchemy import CheckConstraint, Column, DateTime, Integer, Text, Uuid

revision = "0008"
down_revision = "0007"

moment = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "requests",
        Column("id", Uuid, primary_key=True),
        Column("batch", Uuid, nullable=False),
        Column("part", Integer, nullable=False),
        Column("model", Text),
        Column("site", Text, nullable=False),
        Column("caller", Text, nullable=False),
        Column("priority", Text, nullable=False),
        Column("state", Text, CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name="requests_state"), nullable=False),
        Column("received_at", moment, nullable=False),
        Column("ended_at", moment),
        Column("prediction", Uuid),
        Column("reason", Text),
        Column("status", Integer),
        Column("detail", Text),
    )
    op.create_index("requests_batch", "requests", ["batch"])
    op.create_index("requests_ended_at", "requests", ["ended_at"])


def downgrade() -> None:
    op.execute("delete from outbox where kind = 'result'")
    op.drop_table("requests")
