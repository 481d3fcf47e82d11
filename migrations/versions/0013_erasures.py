"""Whom and what was erased, for films that wait elsewhere. The code before this one neither reads nor writes it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, LargeBinary

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "erasures",
        Column("mark", LargeBinary, primary_key=True),
        Column("at", DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("erasures")
