"""Readings: what was measured of a window, and where the series stand, in one row each. The code before this one goes on with `measurements`."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Date, ForeignKey, Integer, LargeBinary, PrimaryKeyConstraint

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "readings",
        Column("reference", Integer, ForeignKey("reference_versions.id"), nullable=False),
        Column("window_days", Integer, nullable=False),
        Column("as_of", Date, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        PrimaryKeyConstraint("reference", "window_days", "as_of", name="readings_pkey"),
    )
    op.create_table(
        "series_readings",
        Column("reference", Integer, ForeignKey("reference_versions.id"), primary_key=True),
        Column("payload", LargeBinary, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("series_readings")
    op.drop_table("readings")
