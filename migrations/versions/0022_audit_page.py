"""The audit log is read from its end, by who, what, on what and when; and what walks along its chain found. The code before this one does not know of it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, Text

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_index("audit_actor", "audit", ["actor", "seq"])
    op.create_index("audit_deed", "audit", ["deed", "seq"])
    op.create_index("audit_subject", "audit", ["subject", "seq"])
    op.create_index("audit_at", "audit", ["at"])
    op.create_table(
        "audit_checks",
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("actor", Text, nullable=False),
        Column("first", BigInteger, nullable=False),
        Column("last", BigInteger, nullable=False),
        Column("hash", LargeBinary, nullable=False),
        Column("broken", BigInteger),
        Column("reason", Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("audit_checks")
    for name in ("audit_at", "audit_subject", "audit_deed", "audit_actor"):
        op.drop_index(name, "audit")
