"""Rung: where a remedy turned out to help nothing and its alarm still stands, the next one that the plan allows is proposed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from service.remedies.plan import plan_of
from service.store.alarms import find_alarm
from service.store.ids import derived_id
from service.store.models import version_by_id
from service.store.outbox import enqueue
from service.store.references import reference_by_id
from service.store.remedies import Remedy, State, open_remedy, remedies_of_alarm
from service.worker.event import remedy_proposed
from service.worker.grounds import Grounds
from service.worker.remedy import pick
from service.worker.subject import subject_with


def next_rung(connection: Connection, failed: Remedy, at: datetime) -> bool:
    """Propose the next remedy of the same alarm; false where there is none, or the alarm is over."""
    alarm = find_alarm(connection, failed.alarm)
    if alarm is None or alarm.cleared_at is not None or failed.model_version is None:
        return False
    tried = frozenset(one.action for one in remedies_of_alarm(connection, alarm.id))
    action = pick(alarm.kind, plan_of(failed), Grounds(labels=True, harm=True, cooling=tried))
    if action is None or action in tried or action == "investigate":
        return False
    proposal = replace(
        failed,
        id=derived_id(alarm.id, f"remedy {action}"),
        action=action,
        state=State.PROPOSED,
        proposed_at=at,
        challenger=None,
        evidence_bundle=None,
        decided_at=None,
    )
    if not open_remedy(connection, proposal):
        return False
    version = version_by_id(connection, failed.model_version)
    budget = subject_with(version, reference_by_id(connection, alarm.reference)).reference.plan.alarms_per_year
    event = derived_id(proposal.id, "event")
    return enqueue(connection, event, proposal.id, remedy_proposed(event, version, alarm, proposal, budget), at)
