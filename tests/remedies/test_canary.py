"""A challenger that answers in part: only where it has passed, in the comparison, and gone by one call or by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from detectors.decision import Decision as Verdict
from service.domain import ModelVersion
from service.errors import InvalidRequestError, NotPassedError, RemedyStateError
from service.remedies.canary import Part, abort, begin, end_worse
from service.remedies.decide import Decision, approve, reject
from service.remedies.handover import hand_over, take_challenger
from service.remedies.promote import promote_challenger
from service.remedies.recompare import compared
from service.store.audit import entries
from service.store.canaries import canaries_of, mixes_between, standing_canary
from service.store.models import champion as champion_of
from service.store.remedies import Remedy
from service.store.remedy_steps import held, steps_of
from tests.remedies.builders import make_remedy
from tests.remedies.rivals import BEGIN, NOW, PLAN, make_version, tell

TENTH, SOUTH = Part(0.1), Part(sites=("south",))


@pytest.fixture
def champion(engine: Engine) -> ModelVersion:
    with engine.begin() as connection:
        return make_version(connection, "1", state="champion")


@pytest.fixture
def challenger(engine: Engine, champion: ModelVersion) -> ModelVersion:
    with engine.begin() as connection:
        return make_version(connection, "2")


@pytest.fixture
def remedy(engine: Engine, challenger: ModelVersion) -> Remedy:
    """A retraining that brought the challenger."""
    made = make_remedy(engine, "retrain", kind="performance", plan={"acceptance": PLAN}, at=BEGIN)
    with engine.begin() as connection:
        approve(connection, decision(made))
        hand_over(connection, made.id, BEGIN)
        return take_challenger(connection, held(connection, made.id), challenger, at=BEGIN, actor="trainer")


def decision(remedy: Remedy, *, hours: int = 0) -> Decision:
    return Decision(remedy.id, NOW + timedelta(hours=hours), "owner", "the physicist wants to see it at work")


def test_it_needs_a_comparison_that_has_passed_or_somebody_who_forces_it(
    engine: Engine, champion: ModelVersion, challenger: ModelVersion, remedy: Remedy
) -> None:
    with engine.begin() as connection, pytest.raises(NotPassedError):
        begin(connection, decision(remedy), TENTH)
    tell(engine, champion, challenger)
    compared(engine, challenger, NOW)
    with engine.begin() as connection:
        begin(connection, decision(remedy), TENTH)
        begin(connection, decision(remedy, hours=1), SOUTH)
    with engine.begin() as connection:
        now, before = canaries_of(connection, "chest")
        assert (now.sites, now.ended_at, before.ended_at) == (("south",), None, now.begun_at)
        assert before.share == pytest.approx(0.1)
        assert mixes_between(connection, "chest", NOW, NOW + timedelta(hours=2))
        for _ in range(2):
            abort(connection, decision(remedy, hours=3))
        assert standing_canary(connection, "chest") is None
        assert not mixes_between(connection, "chest", NOW + timedelta(hours=4), NOW + timedelta(hours=5))
        assert [step.step for step in steps_of(connection, remedy.id)][-3:] == ["canary", "canary", "canary_ended"]
        deeds = [entry.act.deed for entry in entries(connection) if entry.act.deed.startswith("canary")]
    assert deeds == ["canary.begun", "canary.ended", "canary.begun", "canary.ended"]


def test_what_it_answered_is_compared_and_where_it_is_worse_it_ends_by_itself(
    engine: Engine, champion: ModelVersion, challenger: ModelVersion, remedy: Remedy
) -> None:
    tell(engine, champion, challenger, south=6.0, partly=True)
    with engine.begin() as connection:
        begin(connection, decision(remedy), SOUTH, force=True)
    assert end_worse(engine, NOW) == []
    found = compared(engine, challenger, NOW)
    assert found.decision is Verdict.FAIL
    assert "site=south" in found.summary
    assert found.cases == sum(found.sources.values()) > 590
    assert min(found.sources["shadow"], found.sources["canary"]) > 250
    assert [one.version for one in end_worse(engine, NOW)] == [challenger.id]
    assert end_worse(engine, NOW) == []
    with engine.connect() as connection:
        assert standing_canary(connection, "chest") is None
        last = steps_of(connection, remedy.id)[-1]
    assert (last.step, last.actor, last.reason) == ("canary_ended", "worker", "the comparison says that it is worse")


@pytest.mark.parametrize("act", ["promote", "give up"])
def test_it_ends_where_the_challenger_answers_alone_or_no_more(engine: Engine, remedy: Remedy, act: str) -> None:
    with engine.begin() as connection:
        begin(connection, decision(remedy), TENTH, force=True)
        if act == "promote":
            promote_challenger(connection, decision(remedy), force=True)
        else:
            reject(connection, decision(remedy))
    with engine.begin() as connection:
        assert standing_canary(connection, "chest") is None
        assert champion_of(connection, "chest").version == ("2" if act == "promote" else "1")
        with pytest.raises(RemedyStateError, match="no challenger"):
            begin(connection, decision(remedy), TENTH, force=True)


def test_a_challenger_that_prepares_films_in_another_way_cannot_answer_in_part(engine: Engine, champion: ModelVersion) -> None:
    with engine.begin() as connection:
        other = make_version(connection, "3", preprocessing={"rows": 48, "columns": 48})
    made = make_remedy(engine, "retrain", kind="performance", at=BEGIN)
    with engine.begin() as connection:
        approve(connection, decision(made))
        hand_over(connection, made.id, BEGIN)
        take_challenger(connection, held(connection, made.id), other, at=BEGIN, actor="trainer")
        with pytest.raises(RemedyStateError, match="in another way"):
            begin(connection, decision(made), TENTH, force=True)


@pytest.mark.parametrize(("share", "sites"), [(0.0, ()), (1.5, ()), (-0.1, ("south",)), (0.1, ("",)), (0.1, ("south", "south"))])
def test_a_part_is_some_of_the_films(share: float, sites: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequestError):
        Part(share, sites)
