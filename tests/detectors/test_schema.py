from __future__ import annotations

import numpy as np
import pytest

from detectors.batch import Batch
from detectors.bins import CategoricalBins, NumericBins
from detectors.plan import Plan
from detectors.schema import Schema
from tests.detectors.builders import make_batch, make_plan


def test_quantile_bins_hold_equal_shares_and_a_tie_is_one_bin() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(size=6400), np.full(1600, 0.25)])
    bins = NumericBins.of(values)
    counts = np.bincount(bins.index(values), minlength=bins.size)
    assert bins.size - 3 < 64
    assert counts[[0, -2, -1]].tolist() == [0, 0, 0]
    tied = int(bins.index(np.array([0.25]))[0])
    assert counts[tied] >= 1600
    assert np.delete(counts[1:-2], tied - 1).max() <= 8000 / 64 * 2


def test_every_value_of_a_short_scale_has_its_own_bin() -> None:
    bins = NumericBins.of(np.array([8.0] * 500 + [10.0] * 3 + [12.0] * 500))
    assert bins.index(np.array([8.0, 10.0, 12.0, 9.0, 14.0])).tolist() == [1, 2, 3, 1, 4]


def test_a_feature_that_the_reference_never_saw_counts_every_value_as_new() -> None:
    bins = NumericBins.of(np.array([np.nan, np.nan]))
    assert [bins.labels[place] for place in bins.index(np.array([1.0, np.nan]))] == ["above", "missing"]


def test_rare_values_of_a_long_list_are_known_but_share_a_bin() -> None:
    values = [f"room {number}" for number in range(100) for _ in range(200 - number)]
    bins = CategoricalBins.of("StationName", values)
    labels = [bins.labels[place] for place in bins.index(np.array(["room 0", "room 99", "room 100"], dtype=object))]
    assert labels == ["room 0", "other", "unseen"]


def test_a_schema_is_named_by_what_it_means() -> None:
    plan, batch = make_plan(), make_batch(300)
    one = Schema.of(plan, batch)
    assert Schema.restore(one.describe(), one.projection, one.kernel).digest == one.digest
    assert Schema.of(make_plan(alarms_per_year=9.0), batch).digest == one.digest
    assert Schema.of(make_plan(thresholds=(0.1,)), batch).digest != one.digest
    assert Schema.of(plan, make_batch(301)).digest != one.digest


def test_an_empty_batch_has_every_column_of_its_plan() -> None:
    plan = make_plan()
    empty = Batch.empty(plan, dimensions=6)
    assert len(empty) == 0
    assert set(empty.numeric) == set(plan.numeric)
    assert Schema.of(plan, empty).findings == plan.findings


@pytest.mark.parametrize(
    "changes",
    [
        {"thresholds": ()},
        {"thresholds": (float("nan"),)},
        {"findings": ("a", "a"), "thresholds": (0.0, 0.0)},
        {"numeric": ("KVP", "KVP")},
        {"cells": ("all",)},
        {"alarms_per_year": 0.0},
        {"minimum_odds_ratio": 1.0},
        {"label_maturity_days": -1},
        {"costs_false_negative": (1.0, 2.0)},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"needed|needs|named|costs"):
        make_plan(**changes)


def test_a_plan_needs_no_features() -> None:
    assert Plan(findings=(), thresholds=()).cells == ()
