"""Curves and areas against scikit-learn and the textbook, and the coverage of their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from detectors.curves import decision, precision_recall, reliability, roc
from detectors.decision_costs import combined
from detectors.intervals import Z
from detectors.precision import average_precision, order_bound
from detectors.schema import SCORE_BINS, score_bin, score_centers

Floats = NDArray[np.float64]


def binned(scores: Floats) -> Floats:
    """Histograms [samples, score bins] of scores [samples, n]."""
    found = np.zeros((len(scores), SCORE_BINS))
    np.add.at(found, (np.arange(len(scores))[:, None], score_bin(scores)), 1)
    return found


def drawn(seed: int, n: int = 1500) -> tuple[Floats, Floats, Floats, Floats]:
    """Scores, labels, and histograms of negatives and positives."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(-2, 2, n)
    labels = (rng.random(n) < expit(scores)).astype(float)
    negatives, positives = (binned(scores[None, labels == side])[0] for side in (0, 1))
    return scores, labels, negatives, positives


@pytest.mark.parametrize("seed", range(5))
def test_areas_are_those_of_scikit_learn_within_their_bound(seed: int) -> None:
    scores, labels, negatives, positives = drawn(seed)
    for curve, oracle in ((roc, roc_auc_score), (precision_recall, average_precision_score)):
        found = curve(negatives, positives)
        assert found.area is not None
        assert abs(found.area - oracle(labels, scores)) <= found.bound
        assert found.area == pytest.approx(oracle(labels, score_bin(scores)), abs=1e-12)


def test_points_are_those_of_scikit_learn_on_the_same_bins() -> None:
    scores, labels, negatives, positives = drawn(1)
    bins = score_bin(scores)
    fpr, tpr, _ = roc_curve(labels, bins, drop_intermediate=False)
    points = roc(negatives, positives).points
    assert np.allclose([(one.x, one.y) for one in points][::-1], np.stack([fpr, tpr], axis=1), atol=1e-6)
    precision, recall, _ = precision_recall_curve(labels, bins)
    points = precision_recall(negatives, positives).points
    assert np.allclose([(one.x, one.y) for one in points], np.stack([recall, precision], axis=1)[:-1], atol=1e-6)


def test_the_decision_curve_is_net_benefit_by_definition() -> None:
    scores, labels, negatives, positives = drawn(2)
    for point in decision(negatives, positives).points[::25]:
        flagged = score_bin(scores) >= score_bin(np.array([point.threshold + 1e-9]))
        odds = point.x / (1 - point.x)
        assert point.y == pytest.approx(((flagged * labels).sum() - odds * (flagged * (1 - labels)).sum()) / len(labels), abs=1e-5)


def test_the_reliability_curve_is_that_of_scikit_learn() -> None:
    scores, labels, negatives, positives = drawn(3, 20_000)
    share, mean = calibration_curve(labels, expit(scores), n_bins=10, strategy="quantile")
    found = reliability(negatives, positives)
    assert np.allclose([one.x for one in found.points], mean, atol=0.01)
    assert np.allclose([one.y for one in found.points], share, atol=0.01)
    exact = np.array([expit(scores).sum() / len(scores)])
    assert abs(sum(one.x * one.n for one in found.points) / len(scores) - exact[0]) <= found.bound


def test_a_label_that_stands_for_two_films_says_no_more_than_one() -> None:
    _, _, negatives, positives = drawn(4)
    assert roc(3 * negatives, positives / 2).area == pytest.approx(roc(negatives, positives).area)
    whole, doubled = average_precision(negatives, positives), average_precision(2 * negatives, 2 * positives, 2.0)
    for curve in (roc, precision_recall, decision, reliability):
        for one, two in zip(curve(negatives, positives).points, curve(2 * negatives, 2 * positives, 2.0).points, strict=True):
            assert (two.x, two.y, two.low, two.high, two.n) == pytest.approx((one.x, one.y, one.low, one.high, one.n), abs=1e-6)
    assert doubled.value == pytest.approx(whole.value)
    assert doubled.variance == pytest.approx(whole.variance)


def test_the_bound_of_average_precision_holds_for_any_order_within_the_bins() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(300) < 0.3
    bins = rng.integers(0, 8, 300)
    negatives, positives = (np.bincount(bins[labels == side], minlength=8).astype(float) for side in (False, True))
    found, bound = average_precision(negatives, positives).value, order_bound(negatives, positives)
    for within in (labels, ~labels, rng.random(300)):
        assert abs(average_precision_score(labels, bins + 0.5 * within) - found) <= bound


@pytest.mark.parametrize(("positives", "negatives", "distance"), [(20, 20, 1.4), (20, 180, 1.4), (20, 380, 2.2), (50, 950, 1.4)])
def test_the_interval_of_auprc_covers_at_its_floor(positives: int, negatives: int, distance: float) -> None:
    rng = np.random.default_rng(positives + negatives)
    many = 400_000 // (positives + negatives)
    truth = average_precision(
        *(binned(rng.normal(center, 1, (1, n * many))) for center, n in ((0, negatives), (distance, positives)))
    ).value[0]
    found = average_precision(*(binned(rng.normal(center, 1, (1500, n))) for center, n in ((0, negatives), (distance, positives))))
    value = np.clip(found.value, 1e-6, 1 - 1e-6)
    reach = Z * np.sqrt(found.variance) / (value * (1 - value))
    assert 0.93 <= np.mean(np.abs(logit(value) - logit(truth)) <= reach) <= 0.985


@pytest.mark.parametrize(("n", "positives", "costs"), [(20, 10, (1, 1)), (200, 10, (5, 1)), (1000, 50, (5, 1)), (1000, 10, (50, 1))])
def test_intervals_of_cost_and_net_benefit_cover_at_their_floor(n: int, positives: int, costs: tuple[float, float]) -> None:
    share, sensitivity, specificity = positives / n, 0.8, 0.9
    hits, misses, false_flags = share * sensitivity, share * (1 - sensitivity), (1 - share) * (1 - specificity)
    counts = np.random.default_rng(n).multinomial(n, [hits, misses, false_flags, 1 - hits - misses - false_flags], 3000)
    for place, first, second, truth in (
        (1, costs[0], costs[1], costs[0] * misses + costs[1] * false_flags),
        (0, 1.0, -costs[1] / costs[0], hits - costs[1] / costs[0] * false_flags),
    ):
        covered = [(one := combined((first, row[place], n), (second, row[2], n))).low <= truth <= one.high for row in counts]
        assert 0.93 <= np.mean(covered) <= 0.985


def test_score_centers_lie_within_half_a_bin_of_every_score() -> None:
    scores = np.random.default_rng(5).normal(0, 5, 1000)
    inside = np.abs(scores) < 16
    assert np.abs(score_centers()[score_bin(scores)] - scores)[inside].max() <= 0.016 + 1e-12
