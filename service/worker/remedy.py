"""Remedy: what a new alarm asks for, the mildest that the evidence supports under the plan, and the message that tells the outside."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from service.domain import Alarm
from service.models.plan import Remedies
from service.store.audit import WORKER
from service.store.ids import derived_id
from service.store.outbox import enqueue
from service.store.remedies import Remedy, State, open_remedy, remedies_of_alarm
from service.store.remedy_steps import Step, move
from service.worker.calendar import DAY, date_of, midnight
from service.worker.event import remedy_proposed
from service.worker.grounds import Grounds, grounds_of, stop_reason
from service.worker.subject import Subject

INVESTIGATE, STOP = "investigate", "stop"
FITS = frozenset({"rethreshold", "recalibrate"})


def pick(kind: str, plan: Remedies, grounds: Grounds) -> str | None:
    """Say what a kind of alarm asks for: of what the plan allows the mildest that the evidence supports. None where it allows nothing.

    A fit needs labels. A change of the inputs alone does not show yet that the answers are worse, so a person looks first; once labels show
    it, looking is no longer enough. What was decided on lately is not proposed again. A model below its stop rule is to be stopped.

    >>> pick("calibration", Remedies(), Grounds(labels=True))
    'recalibrate'
    >>> pick("calibration", Remedies(), Grounds(labels=True, cooling=frozenset({"recalibrate"})))
    'retrain'
    >>> pick("acquisition", Remedies(), Grounds()), pick("acquisition", Remedies(), Grounds(harm=True))
    ('investigate', 'retrain')
    """
    allowed: tuple[str, ...] = getattr(plan.allowed, kind, (INVESTIGATE,))
    if grounds.stop:
        return STOP
    for action in allowed:
        possible = {INVESTIGATE: not grounds.harm, STOP: False}.get(action, action not in grounds.cooling)
        if possible and (action not in FITS or grounds.labels):
            return action
    return INVESTIGATE if allowed else None


def propose(connection: Connection, subject: Subject, alarm: Alarm, day: date) -> None:
    """Open the one remedy of an alarm and write its message, in the transaction that opened the alarm at the end of `day`."""
    action = pick(alarm.kind, subject.manifest.remedies, grounds_of(connection, subject, alarm, day))
    if action is not None:
        open_proposal(connection, subject, alarm, action)


def open_proposal(connection: Connection, subject: Subject, alarm: Alarm, action: str, *, at: date | None = None) -> bool:
    """Propose an action about an alarm, unless one is open; no crash and no other worker proposes it twice."""
    first = not remedies_of_alarm(connection, alarm.id)
    remedy = Remedy(
        id=derived_id(alarm.id, "remedy" if first else f"remedy {action}"),
        alarm=alarm.id,
        action=action,
        state=State.PROPOSED,
        proposed_at=alarm.opened_at if at is None else midnight(at) + DAY,
        model_version=alarm.model_version,
        plan=subject.manifest.remedies.model_dump(mode="json"),
    )
    if not open_remedy(connection, remedy):
        return False
    event = derived_id(remedy.id, "event")
    body = remedy_proposed(event, subject.version, alarm, remedy, subject.reference.plan.alarms_per_year)
    return enqueue(connection, event, remedy.id, body, remedy.proposed_at)


def stop_if_worse(connection: Connection, subject: Subject, alarm: Alarm, day: int) -> None:
    """Propose to stop the model where an alarm that stands has come to meet the stop rule; a proposal that nobody decided on gives way."""
    known = remedies_of_alarm(connection, alarm.id)
    if any(one.action == STOP for one in known):
        return
    reason = stop_reason(connection, subject, alarm, date_of(day))
    if not reason or any(one.state in {State.APPROVED, State.HANDED_OVER, State.CHALLENGED} for one in known):
        return
    for one in known:
        if one.state == State.PROPOSED:
            step = Step(one.id, State.EXPIRED, midnight(date_of(day)) + DAY, WORKER, f"stopping is proposed instead: {reason}")
            move(connection, step, audited=False)
    open_proposal(connection, subject, alarm, STOP, at=date_of(day))
