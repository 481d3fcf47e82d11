"""References are proposed, looked at, and activated for a reason. The code before this one sees only active and retired ones."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, Text, text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
TABLE, STATE = "reference_versions", "reference_versions_state"


def upgrade() -> None:
    op.add_column(TABLE, Column("excluded", JSONB, nullable=False, server_default=text("'[]'::jsonb")))
    op.add_column(TABLE, Column("reason", Text))
    op.add_column(TABLE, Column("activated_at", DateTime(timezone=True)))
    op.drop_constraint(STATE, TABLE)
    op.create_check_constraint(STATE, TABLE, "state in ('proposed', 'active', 'retired')")


def downgrade() -> None:
    """A proposal is known to nobody then, and nothing was computed against it."""
    op.execute("delete from yardsticks where reference in (select id from reference_versions where state = 'proposed')")
    op.execute("delete from reference_versions where state = 'proposed'")
    op.drop_constraint(STATE, TABLE)
    op.create_check_constraint(STATE, TABLE, "state in ('active', 'retired')")
    for column in ("activated_at", "reason", "excluded"):
        op.drop_column(TABLE, column)
