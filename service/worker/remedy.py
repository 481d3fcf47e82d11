"""Remedy: what a new alarm asks for, and the message that tells the outside."""

from __future__ import annotations

from sqlalchemy import Connection

from service.domain import Alarm
from service.store.ids import derived_id
from service.store.outbox import enqueue
from service.store.remedies import Remedy, State, open_remedy
from service.worker.event import remedy_proposed
from service.worker.subject import Subject

INVESTIGATE = "investigate"
ACTIONS = {
    "acquisition": INVESTIGATE,
    "both": INVESTIGATE,
    "prevalence": "rethreshold",
    "calibration": "recalibrate",
    "performance": "retrain",
}
"""The mildest remedy that each kind of shift supports. A change of the inputs alone does not show yet that the answers are
worse, so a person looks first; labels that show worse discrimination cannot be answered by a threshold."""


def action_for(kind: str) -> str:
    """Say what a kind of shift asks for; a person looks at a kind that has no remedy of its own."""
    return ACTIONS.get(kind, INVESTIGATE)


def propose(connection: Connection, subject: Subject, alarm: Alarm) -> None:
    """Open the one remedy of an alarm and write its message, in the transaction that opened the alarm."""
    remedy = Remedy(
        id=derived_id(alarm.id, "remedy"),
        alarm=alarm.id,
        action=action_for(alarm.kind),
        state=State.PROPOSED,
        proposed_at=alarm.opened_at,
        model_version=alarm.model_version,
        plan=subject.manifest.remedies.model_dump(mode="json"),
    )
    if not open_remedy(connection, remedy):
        return
    event = derived_id(remedy.id, "event")
    body = remedy_proposed(event, subject.version, alarm, remedy, subject.reference.plan.alarms_per_year)
    enqueue(connection, event, remedy.id, body, alarm.opened_at)
