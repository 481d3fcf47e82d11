"""Remedies become a way of steps, versions are promoted and rolled back, models are taken out of service. The code before this one does none of it.

It goes on opening remedies, which then say neither whose they are nor under which plan; both follow from their alarm.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Identity, Integer, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"

STATE = "remedies_state"
BEFORE = "'proposed', 'approved', 'rejected', 'expired', 'done'"
STATES = f"{BEFORE}, 'handed_over', 'challenged', 'promoted', 'rolled_back', 'failed'"
COLUMNS = ("model_version", "plan", "challenger", "evidence_bundle", "decided_at")
OPEN = text("state in ('proposed', 'approved', 'handed_over', 'challenged')")
FUNCTION = (
    "create function remedy_steps_are_append_only() returns trigger language plpgsql as "
    "'begin raise exception ''the steps of a remedy are append-only''; end'"
)
TRIGGER = (
    "create trigger remedy_steps_append_only before update or delete or truncate on remedy_steps "
    "for each statement execute function remedy_steps_are_append_only()"
)


def upgrade() -> None:
    moment = DateTime(timezone=True)
    op.add_column("remedies", Column("model_version", Integer, ForeignKey("model_versions.id", name="remedies_model_version_fkey")))
    op.add_column("remedies", Column("plan", JSONB))
    op.add_column("remedies", Column("challenger", Integer, ForeignKey("model_versions.id", name="remedies_challenger_fkey")))
    op.add_column("remedies", Column("evidence_bundle", Text))
    op.add_column("remedies", Column("decided_at", moment))
    op.execute("update remedies set model_version = alarms.model_version from alarms where alarms.id = remedies.alarm")
    op.drop_constraint(STATE, "remedies")
    op.create_check_constraint(STATE, "remedies", f"state in ({STATES})")
    op.drop_constraint("remedies_alarm_key", "remedies")
    op.create_index("remedies_open", "remedies", ["alarm"], unique=True, postgresql_where=OPEN)
    op.create_index("remedies_alarm", "remedies", ["alarm"])
    op.create_table(
        "remedy_steps",
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("remedy", Uuid, ForeignKey("remedies.id"), nullable=False),
        Column("step", Text, nullable=False),
        Column("at", moment, nullable=False),
        Column("actor", Text, nullable=False),
        Column("reason", Text, nullable=False, server_default=text("''")),
        Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    )
    op.create_index("remedy_steps_remedy", "remedy_steps", ["remedy", "id"])
    op.execute(FUNCTION)
    op.execute(TRIGGER)
    op.create_table(
        "promotions",
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("model", Text, nullable=False),
        Column("version", Integer, ForeignKey("model_versions.id"), nullable=False),
        Column("former", Integer, ForeignKey("model_versions.id")),
        Column("deed", Text, CheckConstraint("deed in ('registered', 'promoted', 'rolled_back')", name="promotions_deed"), nullable=False),
        Column("at", moment, nullable=False),
        Column("actor", Text, nullable=False),
        Column("reason", Text, nullable=False, server_default=text("''")),
        Column("remedy", Uuid, ForeignKey("remedies.id")),
    )
    op.create_index("promotions_model", "promotions", ["model", "id"])
    op.create_table(
        "stops",
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("model", Text, nullable=False),
        Column("stopped_at", moment, nullable=False),
        Column("stopped_by", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("remedy", Uuid, ForeignKey("remedies.id")),
        Column("resumed_at", moment),
        Column("resumed_by", Text),
        Column("resume_reason", Text),
    )
    op.create_index("stops_standing", "stops", ["model"], unique=True, postgresql_where=text("resumed_at is null"))
    op.drop_constraint("outbox_remedy_key", "outbox")
    op.create_index("outbox_remedy", "outbox", ["remedy", "kind"], unique=True, postgresql_where=text("remedy is not null"))
    op.drop_constraint("outbox_kind", "outbox")
    op.create_check_constraint("outbox_kind", "outbox", "kind in ('remedy', 'result', 'report', 'retraining')")


def downgrade() -> None:
    """A remedy that was on its way ends as done; of several of one alarm the first is kept."""
    op.drop_table("stops")
    op.drop_table("promotions")
    op.drop_table("remedy_steps")
    op.execute("drop function remedy_steps_are_append_only()")
    op.execute("delete from outbox where kind = 'retraining'")
    later = "select id from remedies as later where exists (select from remedies where alarm = later.alarm and id < later.id)"
    op.execute(f"delete from outbox where remedy in ({later})")  # noqa: S608 - made of constants
    op.execute(f"delete from remedies where id in ({later})")  # noqa: S608 - likewise
    op.drop_constraint("outbox_kind", "outbox")
    op.create_check_constraint("outbox_kind", "outbox", "kind in ('remedy', 'result', 'report')")
    op.drop_index("outbox_remedy", "outbox")
    op.create_unique_constraint("outbox_remedy_key", "outbox", ["remedy"])
    op.drop_index("remedies_alarm", "remedies")
    op.drop_index("remedies_open", "remedies")
    op.create_unique_constraint("remedies_alarm_key", "remedies", ["alarm"])
    op.execute(f"update remedies set state = 'done' where state not in ({BEFORE})")  # noqa: S608 - likewise
    op.drop_constraint(STATE, "remedies")
    op.create_check_constraint(STATE, "remedies", f"state in ({BEFORE})")
    for column in reversed(COLUMNS):
        op.drop_column("remedies", column)
