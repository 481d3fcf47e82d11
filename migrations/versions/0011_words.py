"""Words that films may say in clear. The code before this one neither reads nor writes them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, PrimaryKeyConstraint, Text

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "accepted_words",
        Column("keyword", Text, nullable=False),
        Column("word", Text, nullable=False),
        Column("category", Text, nullable=False),
        Column("source", Text, CheckConstraint("source in ('operator', 'patients')", name="accepted_words_source"), nullable=False),
        Column("accepted", Boolean, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("keyword", "word", name="accepted_words_pkey"),
    )


def downgrade() -> None:
    op.drop_table("accepted_words")
