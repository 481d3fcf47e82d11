"""Alarms and remedies that the audit log does not know yet.

A pass writes them in transactions that see an old picture of the log, so the log is written afterwards; what a crash
leaves out, the next pass finds here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, String, cast, exists, select

from service.access import Act, Deed
from service.store.access_tables import audit
from service.store.alarm_tables import alarm_judgements, alarms
from service.store.audit import LOCK, WORKER, append
from service.store.locks import hold_until_commit
from service.store.remedy_tables import remedies


def audit_alarms(connection: Connection, at: datetime) -> int:
    """Write down what was opened, cleared and proposed since; returns how much."""
    hold_until_commit(connection, LOCK)
    acts = list(_acts(connection, at))
    if acts:
        append(connection, *acts)
    return len(acts)


def _acts(connection: Connection, at: datetime) -> Iterator[Act]:
    for row in connection.execute(select(alarms).where(_unknown(Deed.ALARM_OPENED, alarms.c.id)).order_by(alarms.c.opened_at)):
        opened = {"kind": row.kind, "family": row.family, "opened_at": row.opened_at.isoformat()}
        yield Act(at, WORKER, Deed.ALARM_OPENED, str(row.id), opened)
    for row in connection.execute(select(remedies).where(_unknown(Deed.REMEDY_PROPOSED, remedies.c.id)).order_by(remedies.c.proposed_at)):
        yield Act(at, WORKER, Deed.REMEDY_PROPOSED, str(row.id), {"action": row.action, "alarm": str(row.alarm)})
    expired = select(remedies).where(remedies.c.state == "expired", _unknown(Deed.REMEDY_EXPIRED, remedies.c.id))
    for row in connection.execute(expired.order_by(remedies.c.proposed_at)):
        yield Act(at, WORKER, Deed.REMEDY_EXPIRED, str(row.id), {"alarm": str(row.alarm)})
    over = select(alarms).where(alarms.c.cleared_at.is_not(None), _unknown(Deed.ALARM_CLEARED, alarms.c.id))
    for row in connection.execute(over.order_by(alarms.c.cleared_at)):
        yield Act(at, WORKER, Deed.ALARM_CLEARED, str(row.id), {"cleared_at": row.cleared_at.isoformat()})
    again = select(alarm_judgements).where(alarm_judgements.c.number > 0, ~exists().where(*_told_of_judgement()))
    for row in connection.execute(again.order_by(alarm_judgements.c.alarm, alarm_judgements.c.number)):
        yield Act(at, WORKER, Deed.ALARM_REJUDGED, str(row.alarm), {"standing": row.standing, "number": row.number})


def _told_of_judgement() -> tuple[ColumnElement[bool], ...]:
    return (
        audit.c.deed == Deed.ALARM_REJUDGED,
        audit.c.subject == cast(alarm_judgements.c.alarm, String),
        audit.c.details["number"].as_integer() == alarm_judgements.c.number,
    )


def _unknown(deed: Deed, identifier: ColumnElement[object]) -> ColumnElement[bool]:
    return ~exists().where(audit.c.deed == deed, audit.c.subject == cast(identifier, String))
