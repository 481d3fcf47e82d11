"""What is plainly wrong with a film, and which attribute put a film out of scope. The code before this one writes neither and loses nothing."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, Column, Text, text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("predictions", Column("flags", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")))
    op.add_column("refusals", Column("attribute", Text))


def downgrade() -> None:
    op.drop_column("refusals", "attribute")
    op.drop_column("predictions", "flags")
