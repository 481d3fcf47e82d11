"""How mature labels are is told of films of one age, and how long first labels took."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from detectors import OF_INPUTS_AND_SCORES, OF_LABELS
from detectors.ages import age_of
from detectors.estimated_performance import estimated_performance
from detectors.label_maturity import COHORTS, label_maturity, maturity_names
from detectors.measurement import Measurement, Verdict
from detectors.plan import ALL
from detectors.reference import Reference, build_reference
from detectors.tally import tally_cells
from tests.detectors.builders import make_plan, make_rows

LATE = 0.2


def films(n: int, *, seed: int, mean: float):
    """Labels that come after exponential times, of a mean in days; a fifth never comes."""
    batch, masks = make_rows(n, seed=seed)
    rng = np.random.default_rng(seed)
    delays = np.where(rng.random((n, 1)) < LATE, np.nan, rng.exponential(mean, (n, 1)))
    return replace(batch, delays=delays, labels=np.where(np.isnan(delays), np.nan, batch.labels)), masks


@cache
def reference() -> Reference:
    batch, masks = films(4000, seed=1, mean=8.0)
    return build_reference(make_plan(), batch, masks, np.arange(4000) * 60 // 4000)


def measured(age: int, n: int = 4000, mean: float = 8.0) -> dict[str, Measurement]:
    return {one.name: one for one in label_maturity(reference(), tally_cells(reference().schema, *films(n, seed=2, mean=mean)), age)}


@pytest.mark.parametrize("age", COHORTS)
def test_completeness_and_delay_are_those_of_labels_that_came_within_the_age(age: int) -> None:
    delays = films(4000, seed=2, mean=8.0)[0].delays
    assert delays is not None
    within = delays[delays <= age]
    found = measured(age)
    assert list(found) == list(maturity_names(age))
    whole, median, late = found.values()
    assert whole.value == pytest.approx(len(within) / 4000)
    assert (whole.n, whole.verdict) == (4000, Verdict.WITHIN)
    assert median.n == late.n == len(within)
    assert median.value == pytest.approx(np.median(within), rel=0.05)
    assert late.value == pytest.approx(np.quantile(within, 0.95), rel=0.1)
    assert all(one.interval is not None and one.value is not None for one in found.values())


def test_labels_that_come_three_times_as_late_breach_where_they_are_young_and_not_where_they_are_old() -> None:
    verdicts = [measured(age, mean=24.0)[f"label_completeness_{age}d"].verdict for age in COHORTS]
    assert verdicts == [Verdict.BREACHED, Verdict.BREACHED, Verdict.WITHIN]


def test_a_few_films_say_nothing() -> None:
    assert {one.verdict for one in measured(14, n=8).values()} == {Verdict.INSUFFICIENT}
    assert {one.verdict for one in label_maturity(reference(), {}, 30)} == {Verdict.INSUFFICIENT}


def test_the_age_of_films_is_known_of_everything_that_is_measured() -> None:
    window = {ALL: reference().tallies[ALL]}
    ages = [{age_of(one.name, 7) for detector in group for one in detector(reference(), window)} for group in (OF_LABELS, UNLABELLED)]
    assert ages == [{7}, {0}]


UNLABELLED = (*OF_INPUTS_AND_SCORES, estimated_performance)
