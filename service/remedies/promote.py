"""Promote and roll back: which version answers. One transaction each, so every gateway has either the one version or the other.

A gateway looks every second which version is champion, loads it beside the old one and swaps; a film on its way is answered by the version
that took it in. So a promotion reaches every replica within seconds, and no request fails by it.
"""

from __future__ import annotations

from sqlalchemy import Connection

from service.domain import ModelVersion
from service.errors import NotPassedError, RemedyStateError
from service.remedies.confirm_reference import carry_over
from service.remedies.decide import Decision, is_ours
from service.remedies.plan import check_approver
from service.remedies.verdict import verdict_on
from service.store.alarms import clear_alarm, open_alarms_of
from service.store.models import champion, promote, roll_back, version_by_id
from service.store.promotions import How, promotions_of
from service.store.remedies import Remedy, State, remedy_of_challenger
from service.store.remedy_steps import Step, expire_remedy, held, move

SUCCEEDED = "another version answers now"


def promote_challenger(connection: Connection, decision: Decision, *, force: bool = False) -> Remedy:
    """Let the challenger of a remedy answer in the champion's place; the champion's alarms end with it, and this one with its cause.

    Args:
        connection: In a transaction (READ COMMITTED).
        decision: Who promotes, and why.
        force: Although its comparison has not passed. The step says so.

    Raises:
        UnknownRemedyError: There is no such remedy.
        NotApproverError: The plan names others.
        RemedyStateError: It has no challenger, or the champion is another one than the challenger was made for.
        NotPassedError: Its comparison has not passed, and nobody forces it.
    """
    remedy = held(connection, decision.remedy)
    check_approver(remedy, decision.actor)
    if remedy.state == State.PROMOTED and is_ours(connection, decision):
        return remedy
    if remedy.state != State.CHALLENGED or remedy.challenger is None or remedy.model_version is None:
        raise RemedyStateError("The remedy has no challenger that could be promoted.")
    verdict = verdict_on(connection, remedy.challenger)
    if verdict != "pass" and not force:
        raise NotPassedError(f"The comparison with the champion says: {verdict}. Force it with a reason, or wait.")
    former = version_by_id(connection, remedy.model_version)
    if former.state != "champion":
        raise RemedyStateError("Another version answers than the one that the challenger was made for: it must be compared to that one.")
    promoted = promote(connection, remedy.challenger, at=decision.at, actor=decision.actor, reason=decision.reason, remedy=remedy.id)
    _end_alarms(connection, former, decision)
    details = {"alarm": str(remedy.alarm), "comparison": verdict, "forced": force and verdict != "pass", "version": promoted.version}
    return move(connection, Step(remedy.id, State.PROMOTED, decision.at, decision.actor, decision.reason, details))


def take_back(connection: Connection, model: str, decision: Step) -> ModelVersion:
    """Let the version answer again that the champion took the place of. It is compared to what it was compared to before.

    Args:
        connection: In a transaction (READ COMMITTED).
        model: Of which model.
        decision: When, who and why; its remedy and step are not looked at.

    Raises:
        UnknownModelError: No version is in service.
        NoFormerVersionError: The champion took nobody's place.
    """
    last = next(iter(promotions_of(connection, model)), None)
    current = champion(connection, model)
    if last is not None and (last.deed, last.at, last.actor) == (How.ROLLED_BACK, decision.at, decision.actor):
        return current  # this very decision, whose commit was not seen
    remedy = remedy_of_challenger(connection, current.id)
    whose = None if remedy is None else remedy.id
    former = roll_back(connection, model, at=decision.at, actor=decision.actor, reason=decision.reason, remedy=whose)
    _end_alarms(connection, current, Decision(decision.remedy, decision.at, decision.actor, decision.reason))
    carry_over(connection, former, at=decision.at, actor=decision.actor, reason=decision.reason)
    if remedy is not None and remedy.state == State.PROMOTED:
        move(connection, Step(remedy.id, State.ROLLED_BACK, decision.at, decision.actor, decision.reason, {"version": former.version}))
    return former


def _end_alarms(connection: Connection, version: ModelVersion, decision: Decision) -> None:
    """What moved is the former version's: nobody looks at it any more, and its proposals are over."""
    for alarm in open_alarms_of(connection, version.id):
        clear_alarm(connection, alarm.id, decision.at)
        expire_remedy(connection, alarm.id, decision.at, decision.actor, SUCCEEDED)
