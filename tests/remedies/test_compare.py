"""A challenger is held against the champion on the same labelled films, by what the plan declared."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from detectors.decision import Decision
from service.domain import ModelVersion
from service.remedies.comparison import Comparison
from service.remedies.recompare import compared, recompare
from service.store.comparisons import latest_comparison
from service.store.shadow_predictions import record_shadows
from service.store.tables import comparisons
from tests.remedies.rivals import BEGIN, NOW, make_version, tell


@pytest.fixture
def champion(engine: Engine) -> ModelVersion:
    with engine.begin() as connection:
        return make_version(connection, "1", state="champion")


@pytest.fixture
def challenger(engine: Engine, champion: ModelVersion) -> ModelVersion:
    with engine.begin() as connection:
        return make_version(connection, "2")


def line(found: Comparison, measure: str, cell: str = "all") -> float:
    (one,) = (one for one in found.criteria if (one.measure, one.cell) == (measure, cell))
    assert one.difference is not None
    return one.difference


def test_a_challenger_that_sees_the_same_passes(engine: Engine, champion: ModelVersion, challenger: ModelVersion) -> None:
    tell(engine, champion, challenger)
    found = compared(engine, challenger, NOW)
    assert found.decision is Decision.PASS, found.summary
    assert (found.cases, found.champion, found.challenger) == (600, "1", "2")
    assert {(one.measure, one.cell) for one in found.criteria} == {
        *((measure, cell) for measure in ("auroc", "sensitivity", "specificity") for cell in ("all", "site=north", "site=south")),
        ("brier_score", "all"), ("calibration_slope", "all"), ("latency", "all"),
    }  # fmt: skip
    with engine.connect() as connection:
        stored = latest_comparison(connection, challenger.id)
    assert stored is not None
    assert Comparison.from_json(stored.payload) == found


def test_one_that_is_worse_in_one_subgroup_is_refused_and_it_is_said_which(
    engine: Engine, champion: ModelVersion, challenger: ModelVersion
) -> None:
    tell(engine, champion, challenger, south=6.0)
    found = compared(engine, challenger, NOW)
    assert found.decision is Decision.FAIL
    assert "Subgroups in which it is worse: site=south." in found.summary
    failing = {(one.measure, one.cell) for one in found.criteria if one.decision is Decision.FAIL}
    assert ("sensitivity", "site=south") in failing
    assert not any(cell == "site=north" for _, cell in failing)
    assert line(found, "sensitivity", "site=south") < -0.4 < line(found, "sensitivity", "site=north")


def test_with_few_labels_it_is_not_known_yet_and_how_many_more_and_when_is_said(
    engine: Engine, champion: ModelVersion, challenger: ModelVersion
) -> None:
    tell(engine, champion, challenger, 80)
    found = compared(engine, challenger, NOW)
    assert found.decision is Decision.NOT_YET
    assert found.more is not None
    assert found.more > 50
    assert found.ready_on is not None
    assert found.ready_on > NOW.date()
    assert "labelled films more" in found.summary
    assert compared(engine, challenger, BEGIN).summary.startswith("Not known yet: days")


def test_a_recalibrated_version_is_derived_from_what_the_champion_said(engine: Engine, champion: ModelVersion) -> None:
    tell(engine, champion, None)
    with engine.begin() as connection:
        steeper = make_version(connection, "1-recalibrated", sha="1", finding={"recalibrations": [{"slope": 4.0, "intercept": 0.5}]})
    found = compared(engine, steeper, NOW)
    assert line(found, "auroc") == 0.0
    slopes = {one.measure: one for one in found.criteria if one.cell == "all"}["calibration_slope"]
    assert slopes.champion is not None
    assert slopes.challenger == pytest.approx(slopes.champion / 4, rel=1e-3)
    assert (slopes.decision, found.decision) == (Decision.FAIL, Decision.FAIL)
    assert "latency" not in {one.measure for one in found.criteria}


def test_what_has_not_changed_is_stored_once(engine: Engine, champion: ModelVersion, challenger: ModelVersion) -> None:
    tell(engine, champion, challenger, 300)
    first, again = recompare(engine, NOW), recompare(engine, NOW)
    assert first == again != []
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(comparisons)) == 1


def test_a_challenger_that_answers_fewer_findings_or_was_never_asked_does_not_pass(engine: Engine, champion: ModelVersion) -> None:
    with engine.begin() as connection:
        other = make_version(connection, "2", finding={"name": "effusion"})
        idle = make_version(connection, "3")
        assert record_shadows(connection, []) == 0
    assert compared(engine, other, NOW).decision is Decision.FAIL
    assert compared(engine, idle, NOW).decision is Decision.NOT_YET


def test_numbers_of_a_handful_of_patients_are_not_shown(engine: Engine, champion: ModelVersion) -> None:
    with engine.begin() as connection:
        challenger = make_version(connection, "2")
    tell(engine, champion, challenger, 12)
    small = [one for one in compared(engine, challenger, NOW).criteria if one.cell != "all"]
    assert all(one.champion is None or one.n >= 11 for one in small)
    assert np.isfinite([one.difference for one in small if one.difference is not None]).all()
