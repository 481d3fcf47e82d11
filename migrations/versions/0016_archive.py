"""The archive: which days lie in it, what is still to be erased there, how far a re-tally came. The code before this one knows none of it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Date, DateTime, ForeignKey, Identity, Integer, LargeBinary, PrimaryKeyConstraint, Text

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    moment = DateTime(timezone=True)
    op.create_table(
        "archive_days",
        Column("model_version", Integer, ForeignKey("model_versions.id"), nullable=False),
        Column("day", Date, nullable=False),
        Column("predictions", Integer, nullable=False),
        Column("labels", Integer, nullable=False),
        Column("latest", moment),
        Column("content", LargeBinary, nullable=False),
        Column("manifest", Text, nullable=False),
        Column("archived_at", moment, nullable=False),
        PrimaryKeyConstraint("model_version", "day", name="archive_days_pkey"),
    )
    op.create_table(
        "archive_tombstones",
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("named", Text, nullable=False),
        Column("pseudonym", LargeBinary, nullable=False),
        Column("erased_at", moment, nullable=False),
    )
    op.create_table(
        "retallied_days",
        Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
        Column("day", Date, nullable=False),
        Column("run", LargeBinary, nullable=False),
        PrimaryKeyConstraint("reference", "day", name="retallied_days_pkey"),
    )
    op.create_index("retallied_days_run", "retallied_days", ["run"])


def downgrade() -> None:
    for table in ("retallied_days", "archive_tombstones", "archive_days"):
        op.drop_table(table)
