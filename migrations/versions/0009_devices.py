"""The register of devices. The code before this one neither reads nor writes it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, PrimaryKeyConstraint, Text

revision = "0009"
down_revision = "0008"

moment = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "devices",
        Column("model", Text, nullable=False),
        Column("site", Text, nullable=False),
        Column("manufacturer", Text, nullable=False),
        Column("device_model", Text, nullable=False),
        Column("software", Text, nullable=False),
        Column("station", Text, nullable=False),
        Column("first_seen", moment, nullable=False),
        Column("last_seen", moment, nullable=False),
        Column("films", BigInteger, nullable=False),
        PrimaryKeyConstraint("model", "site", "manufacturer", "device_model", "software", "station", name="devices_pkey"),
    )


def downgrade() -> None:
    op.drop_table("devices")
