"""Sessions of the console, and acknowledgements of alarms. The code before this one knows neither and goes on."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, Column, DateTime, ForeignKey, Index, LargeBinary, Text, Uuid

revision = "0020"
down_revision = "0019"

FUNCTION = (
    "create function acknowledgements_are_append_only() returns trigger language plpgsql as "
    "'begin raise exception ''acknowledgements are append-only''; end'"
)
TRIGGER = (
    "create trigger acknowledgements_append_only before update or delete or truncate on acknowledgements "
    "for each statement execute function acknowledgements_are_append_only()"
)


def upgrade() -> None:
    moment = DateTime(timezone=True)
    op.create_table(
        "console_sessions",
        Column("digest", LargeBinary, primary_key=True),
        Column("key", LargeBinary),
        Column("name", Text, nullable=False),
        Column("roles", ARRAY(Text), nullable=False),
        Column("opened_at", moment, nullable=False),
        Column("expires_at", moment, nullable=False),
        Index("console_sessions_expires_at", "expires_at"),
    )
    op.create_table(
        "acknowledgements",
        Column("id", Uuid, primary_key=True),
        Column("alarm", Uuid, ForeignKey("alarms.id"), nullable=False),
        Column("at", moment, nullable=False),
        Column("actor", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Index("acknowledgements_alarm", "alarm", "at"),
    )
    op.execute(FUNCTION)
    op.execute(TRIGGER)


def downgrade() -> None:
    op.drop_table("acknowledgements")
    op.execute("drop function acknowledgements_are_append_only()")
    op.drop_table("console_sessions")
