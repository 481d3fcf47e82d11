"""Decide: a person approves or rejects a remedy, for a reason that is kept. Of two that decide at once one is told that it is too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from service.remedies.plan import check_approver
from service.store.canaries import end_canary, standing_canary
from service.store.locks import hold_until_commit
from service.store.models import lock_of_champion, retire, version_by_id
from service.store.remedies import Remedy, State
from service.store.remedy_steps import Step, held, move, steps_of
from service.store.stops import Stop, stop_model


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides on a remedy, when and why. actor: the name of a caller, never of a person."""

    remedy: UUID
    at: datetime
    actor: str
    reason: str

    def step(self, state: State, reason: str = "") -> Step:
        """The step that it leads to."""
        return Step(self.remedy, state, self.at, self.actor, reason or self.reason)


def approve(connection: Connection, decision: Decision) -> Remedy:
    """Let a remedy be carried out. To stop a model is done here and now; fits and retrainings are the worker's next work.

    Args:
        connection: In a transaction (READ COMMITTED); all of it happens or nothing.
        decision: Who approves, and why.

    Raises:
        UnknownRemedyError: There is no such remedy.
        NotApproverError: The plan names others.
        RemedyStateError: It does not wait for a decision any more.
    """
    waiting = held(connection, decision.remedy)
    check_approver(waiting, decision.actor)
    if waiting.state != State.PROPOSED and is_ours(connection, decision):
        return waiting
    remedy = move(connection, decision.step(State.APPROVED), {"decided_at": decision.at})
    if remedy.action == "stop":
        _take_out(connection, remedy, decision)
        return move(connection, decision.step(State.DONE, "the model is out of service"))
    if remedy.action == "investigate":
        return move(connection, decision.step(State.DONE, "a person looks"))
    return remedy


def reject(connection: Connection, decision: Decision) -> Remedy:
    """Decide against a remedy; one that is on its way is given up, and its challenger leaves the champion's shadow.

    Raises:
        UnknownRemedyError: There is no such remedy.
        NotApproverError: The plan names others.
        RemedyStateError: It is over.
    """
    remedy = held(connection, decision.remedy)
    check_approver(remedy, decision.actor)
    if remedy.state in {State.REJECTED, State.FAILED} and is_ours(connection, decision):
        return remedy
    if remedy.state in {State.APPROVED, State.HANDED_OVER, State.CHALLENGED}:
        if remedy.challenger is not None:
            _give_up(connection, remedy.challenger, decision)
        return move(connection, decision.step(State.FAILED))
    return move(connection, decision.step(State.REJECTED), {"decided_at": decision.at})


def is_ours(connection: Connection, decision: Decision) -> bool:
    """Whether this very decision was written down before: its commit was not seen."""
    return any((step.at, step.actor) == (decision.at, decision.actor) for step in steps_of(connection, decision.remedy)[-2:])


def _give_up(connection: Connection, challenger: int, decision: Decision) -> None:
    model = version_by_id(connection, challenger).model
    hold_until_commit(connection, lock_of_champion(model))
    standing = standing_canary(connection, model)
    if standing is not None and standing.version == challenger:
        end_canary(connection, model, at=decision.at, actor=decision.actor, reason=decision.reason)
    retire(connection, challenger)


def _take_out(connection: Connection, remedy: Remedy, decision: Decision) -> None:
    assert remedy.model_version is not None  # noqa: S101 - every remedy that is read says whose it is
    model = version_by_id(connection, remedy.model_version).model
    stop_model(connection, Stop(model, decision.at, decision.actor, decision.reason, remedy.id))
