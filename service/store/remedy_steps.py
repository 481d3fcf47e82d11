"""The steps of a remedy: each change of its state and each thing that is worth knowing on the way, kept for good.

A step and the change that it tells of are one transaction, and so is the line in the audit log, except in the worker's pass, which sees
an older picture of that log; what it did is audited afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select

from service.access import Act, Deed
from service.errors import RemedyStateError, UnknownRemedyError
from service.store.audit import append
from service.store.remedies import WAYS, Remedy, State, find_remedy, remedies_of_alarm, set_fields
from service.store.remedy_tables import remedy_steps


@dataclass(frozen=True, slots=True)
class Step:
    """One step. step: the state that it led to, or a word of its own (evidence, comparison, again). actor: never a person's name."""

    remedy: UUID
    step: str
    at: datetime
    actor: str
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def move(connection: Connection, step: Step, fields: Mapping[str, object] | None = None, *, audited: bool = True) -> Remedy:
    """Bring a remedy into the state that the step names, if it may go there from where it is; others that try it meanwhile wait.

    Args:
        connection: In the transaction of whatever the step does.
        step: Its `step` is a state.
        fields: What else of the remedy changes with it.
        audited: Whether it is written into the audit log here.

    Raises:
        UnknownRemedyError: There is no such remedy.
        RemedyStateError: It is in a state from which it cannot go there: somebody was faster.
    """
    remedy = held(connection, step.remedy)
    state = State(step.step)
    if state not in WAYS.get(State(remedy.state), ()):
        raise RemedyStateError(f"The remedy is {remedy.state.replace('_', ' ')}; it cannot become {state.replace('_', ' ')}.")
    set_fields(connection, step.remedy, {"state": state, **(fields or {})})
    note(connection, step, audited=audited)
    return held(connection, step.remedy)


def note(connection: Connection, step: Step, *, audited: bool = True) -> None:
    """Write down a step that changes no state."""
    values = {name: getattr(step, name) for name in ("remedy", "step", "at", "actor", "reason")}
    connection.execute(insert(remedy_steps).values(**values, details=dict(step.details)))
    if audited:
        append(connection, Act(step.at, step.actor, Deed.REMEDY_STEP, str(step.remedy), {"step": step.step, "reason": step.reason}))


def held(connection: Connection, identifier: UUID) -> Remedy:
    """A remedy that nobody else changes until the transaction ends.

    Raises:
        UnknownRemedyError: There is no such remedy.
    """
    remedy = find_remedy(connection, identifier, hold=True)
    if remedy is None:
        raise UnknownRemedyError
    return remedy


def steps_of(connection: Connection, remedy: UUID) -> list[Step]:
    """What was done about a remedy, first step first."""
    columns = [column for column in remedy_steps.c if column.name != "id"]
    query = select(*columns).where(remedy_steps.c.remedy == remedy).order_by(remedy_steps.c.id)
    return [Step(**row._asdict()) for row in connection.execute(query)]


def expire_remedy(connection: Connection, alarm: UUID, at: datetime, actor: str, reason: str) -> None:
    """Say that nobody need decide any more: the alarm is over before anybody did. What is approved goes on."""
    for remedy in remedies_of_alarm(connection, alarm):
        if remedy.state == State.PROPOSED:
            move(connection, Step(remedy.id, State.EXPIRED, at, actor, reason), audited=False)
