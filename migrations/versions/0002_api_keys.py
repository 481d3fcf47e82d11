"""Who may call: keys by their digest."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, Column, DateTime, LargeBinary, Text

revision = "0002"
down_revision = "0001"

moment = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("roles", ARRAY(Text), nullable=False),
        Column("digest", LargeBinary, nullable=False, unique=True),
        Column("created_at", moment, nullable=False),
        Column("expires_at", moment),
        Column("revoked_at", moment),
    )


def downgrade() -> None:
    op.drop_table("api_keys")
