"""What was read says what can be said of all films, and no more."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.decision_rates import decision_rates
from detectors.intervals import wilson
from detectors.masses import masses_of
from detectors.measurement import Verdict
from detectors.reference import Reference
from detectors.schema import DELAYS, NEGATIVE, POSITIVE, READ, WEIGHT, WEIGHTED_POSITIVE
from detectors.tally import Tally, tally
from detectors.verification import PAIRS, Shares, Verified
from tests.detectors.builders import make_batch, make_reference


@cache
def reference() -> Reference:
    return make_reference(6000, 60)


def tallied(batch: Batch) -> Tally:
    return tally(reference().schema, batch)


def shares(batch: Batch, name: str = "sensitivity") -> Shares:
    return Verified.of(reference().schema, [tallied(batch)], "opacity").share(name)


def read(batch: Batch, probability: NDArray[Any], *, stored: bool, seed: int = 0) -> Batch:
    """The same films, each read with its probability; stored: that goes with the label."""
    seen = np.random.default_rng(seed).random(len(batch)) < probability
    labels = np.where(seen, batch.labels[:, 0], np.nan)[:, None]
    return replace(batch, labels=labels, weights=(1 / probability)[:, None] if stored else None)


def flagged(batch: Batch) -> NDArray[np.bool_]:
    return np.asarray(batch.scores[:, 0] >= 0)


@pytest.mark.parametrize("name", PAIRS)
def test_where_every_film_is_read_the_share_is_the_plain_count(name: str) -> None:
    batch = make_batch(500, seed=4, hidden=0.2)
    truth, said = batch.labels[:, 0] == 1, flagged(batch)
    among, hit = {
        "sensitivity": (truth, said),
        "specificity": (~truth, ~said),
        "positive_predictive_value": (said, truth),
        "negative_predictive_value": (~said, ~truth),
    }[name]
    found = shares(batch, name)
    assert found.n[0] == pytest.approx(among.sum())
    assert found.hits[0] == pytest.approx((among & hit).sum())


def test_reading_flagged_films_more_often_does_not_bend_sensitivity() -> None:
    batch = make_batch(40_000, seed=4, hidden=0.2)
    truth = batch.labels[:, 0] == 1
    sensitivity = float(flagged(batch)[truth].mean())
    half = read(batch, np.where(flagged(batch), 0.9, 0.2), stored=False)
    naive = tallied(half).decisions("opacity")[POSITIVE]
    assert naive[1] / naive.sum() > sensitivity + 0.1
    found = shares(half)
    interval = wilson(float(found.hits[0]), float(found.n[0]))
    assert interval.low < sensitivity < interval.high
    assert interval.high - interval.low < 0.05


def test_stored_probabilities_undo_a_choice_that_the_score_does_not_explain() -> None:
    """Films with a high brightness hide their positives, and are asked for four times as often."""
    rng = np.random.default_rng(1)
    batch = make_batch(60_000, seed=4)
    odd = rng.random(len(batch)) < 0.2
    scores = np.where(odd & (batch.labels[:, 0] == 1), -3.0, batch.scores[:, 0])
    batch = replace(batch, scores=scores[:, None])
    truth = batch.labels[:, 0] == 1
    sensitivity = float(flagged(batch)[truth].mean())
    chosen = np.where(odd, 0.8, 0.2)
    with_probability, without = (shares(read(batch, chosen, stored=stored)) for stored in (True, False))
    assert abs(without.value[0] - sensitivity) > 0.03
    interval = wilson(float(with_probability.hits[0]), float(with_probability.n[0]))
    assert interval.low < sensitivity < interval.high


def test_where_only_flagged_films_are_read_three_rates_have_no_number_but_a_reason() -> None:
    batch = make_batch(3000, seed=4)
    only = read(batch, np.where(flagged(batch), 1.0, 0.0 + 1e-9), stored=False)
    measured = {one.name: one for one in decision_rates(reference(), {"all": tallied(only)}) if one.cell == "all"}
    assert measured["positive_predictive_value"].verdict is Verdict.WITHIN
    for name in ("sensitivity", "specificity", "negative_predictive_value"):
        assert (measured[name].value, measured[name].verdict) == (None, Verdict.INSUFFICIENT)
        assert "none was read" in measured[name].reason


def test_a_few_misses_that_came_to_light_by_themselves_are_no_sample() -> None:
    batch = make_batch(3000, seed=4)
    chosen = np.where(flagged(batch), 1.0, 0.02)
    assert "not by a known design" in shares(read(batch, chosen, stored=False)).reasons[0]
    assert shares(read(batch, chosen, stored=True)).reasons == ("",)


def test_nothing_found_among_few_readings_is_not_certainty() -> None:
    """None positive of 100 read out of 2,000 still leaves room for 20 times the rule of three."""
    batch = make_batch(4000, seed=4)
    below = ~flagged(batch)
    batch = replace(batch, labels=np.where(below[:, None], 0.0, 1.0))
    chosen = read(batch, np.where(below, 100 / below.sum(), 1.0), stored=True)
    found = shares(chosen)
    room = 3.84 * below.sum() / np.isfinite(chosen.labels[below, 0]).sum()
    positives = (~below).sum()
    assert found.value[0] == 1.0
    assert wilson(float(found.hits[0]), float(found.n[0])).low == pytest.approx(positives / (positives + room), rel=0.02)


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(1, 50))
@settings(max_examples=30, deadline=None)
def test_weighted_and_soft_sums_are_those_over_rows(seed: int, softness: float, heaviest: float) -> None:
    rng, batch = np.random.default_rng(seed), make_batch(200, seed=seed, labelled=0.7)
    labels = np.where(rng.random((200, 1)) < softness, np.round(rng.random((200, 1)), 2), batch.labels)
    labels[np.isnan(batch.labels)] = np.nan
    weights = np.where(rng.random((200, 1)) < 0.5, 1.0, rng.uniform(1, heaviest, (200, 1)))
    batch = replace(batch, labels=labels, weights=weights)
    one, known = tallied(batch), ~np.isnan(labels)
    w, y = weights[known], labels[known]
    readings = one.readings("opacity").sum(axis=1)
    assert readings[[READ, WEIGHT, WEIGHTED_POSITIVE]] == pytest.approx([known.sum(), w.sum(), (w * y).sum()], abs=1e-3)
    assert readings[3:] == pytest.approx([(w**2).sum(), (w**2 * y).sum()], abs=1e-3)
    assert one.mass("opacity").sum(axis=1) == pytest.approx([(w * (1 - y)).sum(), (w * y).sum()], abs=1e-3)
    assert one.strata("opacity").sum() == 200
    halves = [tallied(batch.select(slice(0, 90))), tallied(batch.select(slice(90, 200)))]
    assert halves[0] + halves[1] == one


def test_plain_labels_leave_the_weighted_blocks_empty() -> None:
    one = tallied(make_batch(300, labelled=0.5))
    blocks = reference().schema.blocks
    assert not blocks["reading/opacity"].of(one.vector).any()
    assert not blocks["mass/opacity"].of(one.vector).any()


def test_mass_of_all_films_adds_up_to_all_films() -> None:
    batch = make_batch(4000, seed=2)
    one = tallied(read(batch, np.where(flagged(batch), 0.8, 0.3), stored=True))
    assert masses_of(reference().schema, {"all": one}, ["opacity"], ["all"]).scores.sum() == pytest.approx(4000, rel=0.02)


def test_a_label_with_another_weight_leaves_plain_counts_alone() -> None:
    batch = make_batch(300, seed=3)
    heavy = replace(batch, weights=np.full((300, 1), 4.0))
    assert not tallied(heavy).decisions("opacity")[[NEGATIVE, POSITIVE]].any()
    assert not tallied(heavy).losses("opacity").any()


def test_delays_are_counted_by_their_bins() -> None:
    delays = np.array([0.0, 0.5, 14.0, 14.01, 400.0, np.nan])[:, None]
    counted = tallied(replace(make_batch(6), delays=delays)).delays("opacity")
    at = [0, DELAYS.index(1.0), DELAYS.index(14.0), DELAYS.index(21.0), len(DELAYS)]
    assert np.flatnonzero(counted).tolist() == at


@pytest.mark.parametrize("weight", [0.5, 2000.0, float("nan")])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        tallied(replace(make_batch(3), weights=np.full((3, 1), weight)))
