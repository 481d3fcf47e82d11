"""A person decides once on a remedy, for a reason that is kept; whoever comes second is told so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from service.errors import NotApproverError, RemedyStateError, UnknownRemedyError
from service.remedies.decide import Decision, approve, reject
from service.store.audit import entries
from service.store.remedies import Remedy, State, find_remedy
from service.store.remedy_steps import Step, move, steps_of
from service.store.stops import standing
from tests.remedies.builders import make_remedy
from tests.store.builders import AT


def decision(remedy: Remedy, actor: str = "owner", *, minutes: int = 0) -> Decision:
    return Decision(remedy.id, AT + timedelta(minutes=minutes), actor, "the physicist confirmed it")


def state_of(engine: Engine, remedy: Remedy) -> str:
    with engine.connect() as connection:
        found = find_remedy(connection, remedy.id)
    assert found is not None
    return found.state


def test_an_approval_is_a_step_with_its_reason_and_a_line_in_the_audit_log(engine: Engine) -> None:
    remedy = make_remedy(engine)
    with engine.begin() as connection:
        approved = approve(connection, decision(remedy))
        assert (approved.state, approved.decided_at) == (State.APPROVED, AT)
        (step,) = steps_of(connection, remedy.id)
        assert (step.step, step.actor, step.reason) == ("approved", "owner", "the physicist confirmed it")
        last = list(entries(connection))[-1].act
    assert (last.deed, last.actor, last.subject, last.details["step"]) == ("remedy.step", "owner", str(remedy.id), "approved")


def test_of_people_who_decide_at_once_one_decides(engine: Engine) -> None:
    remedy = make_remedy(engine)

    def decide(number: int) -> str:
        try:
            with engine.begin() as connection:
                (approve if number % 2 else reject)(connection, decision(remedy, f"caller{number}", minutes=number))
        except RemedyStateError:
            return "late"
        return "decided"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(decide, range(1, 9, 2)))
    assert sorted(outcomes) == ["decided", "late", "late", "late"]
    with engine.connect() as connection:
        assert len(steps_of(connection, remedy.id)) == 1


def test_a_decision_whose_commit_was_not_seen_may_be_made_again(engine: Engine) -> None:
    remedy = make_remedy(engine)
    for _ in range(2):
        with engine.begin() as connection:
            assert approve(connection, decision(remedy)).state == State.APPROVED
    with engine.connect() as connection:
        assert len(steps_of(connection, remedy.id)) == 1


def test_a_rejected_remedy_is_over(engine: Engine) -> None:
    remedy = make_remedy(engine)
    with engine.begin() as connection:
        assert reject(connection, decision(remedy)).state == State.REJECTED
    with engine.begin() as connection, pytest.raises(RemedyStateError, match="is rejected"):
        approve(connection, decision(remedy, minutes=1))


def test_whom_the_plan_does_not_name_decides_nothing(engine: Engine) -> None:
    remedy = make_remedy(engine, plan={"approvers": ["owner"]})
    for act in (approve, reject):
        with engine.begin() as connection, pytest.raises(NotApproverError):
            act(connection, decision(remedy, "pacs"))
    assert state_of(engine, remedy) == State.PROPOSED
    with engine.begin() as connection:
        approve(connection, decision(remedy, "owner"))


def test_an_approved_stop_takes_the_model_out_of_service_with_its_reason(engine: Engine) -> None:
    remedy = make_remedy(engine, "stop", kind="performance")
    with engine.begin() as connection:
        assert approve(connection, decision(remedy)).state == State.DONE
        stop = standing(connection, "chest")
    assert stop is not None
    assert (stop.reason, stop.stopped_by, stop.remedy) == ("the physicist confirmed it", "owner", remedy.id)


def test_a_remedy_on_its_way_can_be_given_up(engine: Engine) -> None:
    remedy = make_remedy(engine, "retrain", kind="performance")
    with engine.begin() as connection:
        approve(connection, decision(remedy))
        move(connection, Step(remedy.id, State.HANDED_OVER, AT, "worker"))
        assert reject(connection, decision(remedy, minutes=5)).state == State.FAILED


def test_an_unknown_remedy_is_unknown(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(UnknownRemedyError):
        approve(connection, Decision(uuid4(), AT, "owner", "why not"))


@pytest.mark.parametrize("change", ["update remedy_steps set reason = 'another'", "delete from remedy_steps", "truncate remedy_steps"])
def test_steps_cannot_be_changed_afterwards(engine: Engine, change: str) -> None:
    remedy = make_remedy(engine)
    with engine.begin() as connection:
        approve(connection, decision(remedy))
    with pytest.raises(SQLAlchemyError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change))
