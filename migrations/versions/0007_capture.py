"""Capture: what gateways counted, how far spools are drained, ids that lost to a first answer, and films of one study by time."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, PrimaryKeyConstraint, Uuid

revision = "0007"
down_revision = "0006"

moment = DateTime(timezone=True)
TABLES = ("aliases", "ledgers", "ledger_months", "spool_segments")
COUNTS = ("received", "recorded", "replayed", "spooled", "unrecorded", "refused", "failed", "in_progress")
# The books begin with the rows that are there, under nobody's name.
BEGIN = """
    insert into ledger_months (process, month, stored)
    select '00000000-0000-0000-0000-000000000000', date_trunc('month', received_at, 'UTC')::date, count(*) from predictions group by 2
"""


def upgrade() -> None:
    op.create_table(
        "aliases",
        Column("id", Uuid, primary_key=True),
        Column("prediction", Uuid, nullable=False),
        Column("conflict", Boolean, nullable=False),
    )
    op.create_index("aliases_prediction", "aliases", ["prediction"])
    op.create_table(
        "ledgers",
        Column("process", Uuid, primary_key=True),
        Column("started_at", moment, nullable=False),
        Column("seen_at", moment, nullable=False),
        Column("ended_at", moment),
        *(Column(name, BigInteger, nullable=False) for name in COUNTS),
    )
    op.create_table(
        "ledger_months",
        Column("process", Uuid, nullable=False),
        Column("month", Date, nullable=False),
        Column("stored", BigInteger, nullable=False),
        PrimaryKeyConstraint("process", "month", name="ledger_months_pkey"),
    )
    op.create_table(
        "spool_segments",
        Column("process", Uuid, nullable=False),
        Column("segment", BigInteger, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("predictions", BigInteger, nullable=False),
        Column("stored", BigInteger, nullable=False),
        PrimaryKeyConstraint("process", "segment", name="spool_segments_pkey"),
    )
    op.execute(BEGIN)
    op.drop_index("predictions_study", "predictions")
    op.create_index("predictions_study", "predictions", ["study", "id"])


def downgrade() -> None:
    op.drop_index("predictions_study", "predictions")
    op.create_index("predictions_study", "predictions", ["study"])
    for table in reversed(TABLES):
        op.drop_table(table)
