"""The audit log: append-only, each row chained to the one before it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"

FUNCTION = (
    "create function audit_is_append_only() returns trigger language plpgsql as "
    "'begin raise exception ''the audit log is append-only''; end'"
)
TRIGGER = "create trigger audit_append_only before update or delete or truncate on audit for each statement execute function audit_is_append_only()"


def upgrade() -> None:
    op.create_table(
        "audit",
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("actor", Text, nullable=False),
        Column("deed", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("details", JSONB, nullable=False),
        Column("previous", LargeBinary, nullable=False),
        Column("hash", LargeBinary, nullable=False),
    )
    op.create_index("audit_deed_subject", "audit", ["deed", "subject"])
    op.execute(FUNCTION)
    op.execute(TRIGGER)


def downgrade() -> None:
    op.drop_table("audit")
    op.execute("drop function audit_is_append_only()")
