"""Calibration statistics against their definitions and statsmodels (relplot: test_frozen_oracles.py), and the size of their null bands."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from detectors.calibration_curve import calibration_curve
from detectors.intervals import Z
from detectors.schema import SCORE_BINS, score_bin
from detectors.smooth_calibration_error import smooth_error
from tests.detectors.oracle_figures import films
from tests.detectors.test_curves import binned

Floats = NDArray[np.float64]


def histograms(scores: Floats, labels: Floats) -> tuple[Floats, Floats]:
    bins = score_bin(scores)
    return np.bincount(bins, 1 - labels, SCORE_BINS).astype(np.float64), np.bincount(bins, labels, SCORE_BINS).astype(np.float64)


def test_the_smooth_calibration_error_is_the_width_that_its_own_error_equals() -> None:
    scores, labels = films(np.random.default_rng(3), 800, -1.0, 1.5, 0.4)
    negatives, positives = histograms(scores, labels)
    width = float(smooth_error(negatives[None], positives[None]).value[0])
    p, points = expit(scores), (np.arange(4000) + 0.5) / 4000
    kernel = sum(norm.pdf(points[:, None], image, width) for image in (p, -p, 2 - p))
    assert np.abs((kernel * (labels - p)).mean(axis=1)).mean() == pytest.approx(width, abs=5e-4)


@pytest.mark.parametrize(("n", "mean", "deviation"), [(100, -1.5, 2.0), (1000, -1.5, 2.0), (1000, -3.0, 1.0), (500, 0.0, 6.0)])
def test_a_perfect_model_lies_within_the_null_band_as_often_as_it_should(n: int, mean: float, deviation: float) -> None:
    rng = np.random.default_rng(n)
    scores = rng.normal(mean, deviation, (400, n))
    positive = rng.random((400, n)) < expit(scores)
    everything, none = binned(scores), np.zeros((400, SCORE_BINS))
    np.add.at(none, (np.arange(400)[:, None], score_bin(scores)), positive)
    found = smooth_error(everything - none, none)
    assert found.chance.mean() == pytest.approx(found.value.mean(), rel=0.04)
    assert found.chance_deviation.mean() == pytest.approx(found.value.std(), rel=0.15)
    assert np.mean(found.value > found.chance + Z * found.chance_deviation) <= 0.08


def test_labels_that_stand_for_three_films_have_the_null_band_of_labels() -> None:
    negatives, positives = histograms(*films(np.random.default_rng(4), 600, -1.0, 1.5, 0.0))
    plain, tripled = smooth_error(negatives[None], positives[None]), smooth_error(3 * negatives[None], 3 * positives[None], 3.0)
    for name in ("value", "chance", "chance_deviation"):
        assert getattr(tripled, name)[0] == pytest.approx(getattr(plain, name)[0])


def test_the_calibration_curve_is_the_logistic_spline_of_statsmodels() -> None:
    scores, labels = films(np.random.default_rng(5), 3000, -1.0, 2.0, 0.4)
    found = calibration_curve(*histograms(scores, labels))
    knots = np.quantile(scores, (0.05, 0.35, 0.65, 0.95))

    def spline(x: Floats) -> Floats:
        cube = [np.maximum(x - knot, 0) ** 3 for knot in knots]
        bends = [
            cube[at] - cube[2] * (knots[3] - knots[at]) / (knots[3] - knots[2]) + cube[3] * (knots[2] - knots[at]) / (knots[3] - knots[2])
            for at in (0, 1)
        ]
        return np.stack([np.ones_like(x), x, *bends], axis=1)

    fit = sm.GLM(labels, spline(scores), family=sm.families.Binomial()).fit()
    distance = np.abs(fit.predict(spline(scores)) - expit(scores))
    assert found.ici == pytest.approx(distance.mean(), abs=2e-3)
    assert (found.e50, found.e90) == pytest.approx(np.quantile(distance, (0.5, 0.9)), abs=3e-3)
    assert np.allclose(found.share, fit.predict(spline(found.score)), atol=5e-3)
    shown = fit.get_prediction(spline(found.score)).conf_int()
    assert np.allclose(np.stack([found.low, found.high], axis=1), shown, atol=0.01)


def test_the_ici_of_a_perfect_model_is_what_chance_is_said_to_give() -> None:
    rng = np.random.default_rng(6)
    found = [calibration_curve(*histograms(*films(rng, 1500, -1.0, 2.0, 0.0))) for _ in range(150)]
    assert np.mean([one.ici for one in found]) == pytest.approx(np.mean([one.chance for one in found]), rel=0.12)


def test_scores_of_few_values_still_have_a_line() -> None:
    scores = np.repeat([-2.0, 1.0], 500)
    labels = (np.random.default_rng(7).random(1000) < expit(scores)).astype(float)
    found = calibration_curve(*histograms(scores, labels))
    assert found.ici < 0.05
    assert len(found.score) == 2
