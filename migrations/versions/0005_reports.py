"""Reports: what they repeat of a film, sealed and for days only; the outbox carries more than remedies."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, LargeBinary, Text, Uuid, text

revision = "0005"
down_revision = "0004"

moment = DateTime(timezone=True)
PENDING = text("delivered_at is null and dead_at is null")


def upgrade() -> None:
    op.create_table(
        "sealed_headers",
        Column("prediction", Uuid, primary_key=True),
        Column("header", LargeBinary, nullable=False),
        Column("sealed_at", moment, nullable=False, server_default=text("now()")),
    )
    op.create_index("sealed_headers_sealed_at", "sealed_headers", ["sealed_at"], postgresql_using="brin")
    op.add_column("outbox", Column("kind", Text, nullable=False, server_default=text("'remedy'")))
    op.add_column("outbox", Column("prediction", Uuid))
    op.create_check_constraint("outbox_kind", "outbox", "kind in ('remedy', 'result', 'report')")
    op.alter_column("outbox", "remedy", nullable=True)
    op.drop_index("outbox_due", "outbox")
    op.create_index("outbox_due", "outbox", ["kind", "next_attempt_at"], postgresql_where=PENDING)
    op.create_index("outbox_prediction", "outbox", ["prediction"], postgresql_where=text("prediction is not null"))


def downgrade() -> None:
    op.execute("delete from outbox where kind <> 'remedy'")
    op.drop_index("outbox_prediction", "outbox")
    op.drop_index("outbox_due", "outbox")
    op.create_index("outbox_due", "outbox", ["next_attempt_at"], postgresql_where=PENDING)
    op.alter_column("outbox", "remedy", nullable=False)
    op.drop_constraint("outbox_kind", "outbox")
    op.drop_column("outbox", "prediction")
    op.drop_column("outbox", "kind")
    op.drop_table("sealed_headers")
