"""The recommended operating point is the cheapest one, and a change is recommended only where it is surely cheaper."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from detectors.decision_costs import Costs
from detectors.masses import Masses, masses_of
from detectors.operating_point import Recommendation, recommend
from detectors.reference import Reference
from detectors.tally import tally
from tests.detectors.builders import make_batch, make_reference


@cache
def reference() -> Reference:
    return make_reference(4000, 60)


def masses(n: int = 3000, seed: int = 2, **changes: float) -> Masses:
    return masses_of(reference().schema, {"all": tally(reference().schema, make_batch(n, seed=seed, **changes))}, ("opacity",), ("all",))


def test_it_costs_least_of_all_thresholds_and_tells_what_it_does_to_a_thousand_films() -> None:
    batch, costs = make_batch(3000, seed=2), Costs(5.0, 1.0)
    scores, positive = batch.scores[:, 0], batch.labels[:, 0] == 1

    def cost(threshold: float) -> float:
        flagged = scores >= threshold
        return 1000 * float((costs.miss * (positive & ~flagged) + costs.false_flag * (~positive & flagged)).mean())

    found = recommend(masses(), costs, 0.0)
    assert found.best.cost == pytest.approx(min(cost(threshold) for threshold in np.arange(-500, 501) * 0.032), abs=0.01)
    assert found.best.cost == pytest.approx(cost(found.best.threshold), abs=0.01)
    assert found.deployed.cost == pytest.approx(cost(0.0), abs=0.01)
    assert found.best.flagged == pytest.approx(1000 * (scores >= found.best.threshold).mean())
    assert found.best.missed == pytest.approx(1000 * (positive & (scores < found.best.threshold)).mean())


@pytest.mark.parametrize("ratio", [0.5, 4.0, 20.0])
def test_of_calibrated_scores_it_is_the_odds_of_the_costs(ratio: float) -> None:
    found = recommend(masses(20_000), Costs(ratio, 1.0), 0.0)
    assert found.threshold.low <= -np.log(ratio) <= found.threshold.high
    assert found.best.threshold == pytest.approx(-np.log(ratio), abs=0.6)


def test_where_the_model_operates_at_its_best_nothing_is_to_be_changed() -> None:
    changes = [recommend(masses(1500, seed), Costs(1.0, 1.0), 0.0).change for seed in range(40)]
    assert np.mean(changes) <= 0.1


def test_where_misses_cost_much_more_a_change_is_recommended_and_saves_what_it_says() -> None:
    found = recommend(masses(), Costs(20.0, 1.0), 0.0)
    assert found.change
    assert found.saved.low > 0
    assert found.saved.low < found.deployed.cost - found.best.cost


def test_at_another_prevalence_another_point_is_best() -> None:
    rare, common = (recommend(masses(20_000), Costs(1.0, 1.0), 0.0, prevalence) for prevalence in (0.02, 0.5))
    assert rare.best.threshold > common.best.threshold + 1
    assert (rare.prevalence, common.prevalence) == (0.02, 0.5)


def test_the_same_labels_give_the_same_recommendation() -> None:
    first: Recommendation = recommend(masses(), Costs(5.0, 1.0), 0.0)
    assert first == recommend(masses(), Costs(5.0, 1.0), 0.0)
