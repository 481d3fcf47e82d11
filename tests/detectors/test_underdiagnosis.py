"""A false "no finding" is watched in every declared group, over all findings together, within the budget of all series."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.budget import limit
from detectors.evidence import State, fold_day
from detectors.incident import judge
from detectors.listing import UNDERDIAGNOSIS
from detectors.reference import Reference, build_reference
from detectors.series import Series
from detectors.tally import Tally, tally_cells
from tests.detectors.builders import CELLS, make_plan, make_reference, make_rows

PLAN = make_plan(findings=("opacity", "nodule"), thresholds=(0.0, 0.0))
DAYS, FILMS = 60, 80

Masks = dict[str, NDArray[np.bool_]]


def two_findings(n: int, seed: int, missed_south: float = 0.0) -> tuple[Batch, Masks]:
    """Films with two findings each; of those in the south with any, a share is called free of both."""
    one, masks = make_rows(n, seed=seed)
    other = make_rows(n, seed=seed + 5000)[0]
    scores, labels = np.concatenate([one.scores, other.scores], axis=1), np.concatenate([one.labels, other.labels], axis=1)
    missed = masks["site=south"] & (labels.max(axis=1) == 1) & (np.random.default_rng([seed, 2]).random(n) < missed_south)
    scores[missed] = np.minimum(scores[missed], -1.0)
    return replace(one, scores=scores, labels=labels, pairs=None), masks


@cache
def reference() -> Reference:
    return build_reference(PLAN, *two_findings(FILMS * DAYS, 1), np.arange(FILMS * DAYS) // FILMS)


def watched() -> dict[str, Series]:
    return {one.cell: one for one in reference().series if one.bin == UNDERDIAGNOSIS}


def day(seed: int, missed_south: float = 0.0) -> dict[str, Tally]:
    return tally_cells(reference().schema, *two_findings(FILMS, seed, missed_south))


def folded(days: int, missed_south: float) -> State:
    state = State.start(reference())
    for number in range(days):
        state = fold_day(reference(), state, number, today := day(100 + number, missed_south), today)
    return state


def test_every_declared_group_has_its_series_on_the_budget_of_all() -> None:
    assert list(watched()) == ["all", *CELLS]
    assert reference().limit == limit(len(reference().series) + len(reference().sources.series), PLAN.alarms_per_year)


def test_its_rate_is_the_share_of_films_with_a_finding_on_which_nothing_was_flagged() -> None:
    batch, masks = two_findings(FILMS * DAYS, 1)
    for cell, one in watched().items():
        something = (batch.labels.max(axis=1) == 1) & masks.get(cell, np.ones(len(batch), dtype=bool))
        missed = (batch.scores[something] < 0).all(axis=1).mean()
        assert reference().rates[reference().series.index(one)] == pytest.approx(missed)


def test_of_a_model_with_one_finding_sensitivity_says_the_same_and_it_has_none() -> None:
    assert not [one for one in make_reference(1000, 60).series if one.bin == UNDERDIAGNOSIS]


def test_more_of_the_same_pages_nobody() -> None:
    assert judge(reference(), folded(60, 0.0)) == ()


def test_a_group_whose_findings_are_called_nothing_pages_by_its_name() -> None:
    (incident,) = judge(reference(), folded(20, 0.5))
    assert (incident.family, incident.kind, incident.cell) == ("truth", "performance", "site=south")
    carriers = {(one.series.cell, one.series.bin): one for one in incident.carriers}
    found = carriers["site=south", UNDERDIAGNOSIS]
    assert found.evidence >= 1
    assert found.rate > found.reference_rate
    assert carriers.get(("site=north", UNDERDIAGNOSIS)) is None
