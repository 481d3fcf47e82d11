"""Recalibration: as scikit-learn fits it, chosen by films that the fit never saw, refused where it helps nobody or hurts somebody."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from detectors.calibrator import Calibrator
from detectors.recalibration import FLOOR, Labelled, isotonic, platt, recalibrate, shift, temperature


def films(n: int = 2000, *, slope: float = 1.0, intercept: float = 0.0, weights: bool = False, seed: int = 0) -> Labelled:
    """Films whose truth follows slope * logit + intercept."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1.0, 1.5, n)
    labels = (rng.random(n) < expit(slope * logits + intercept)).astype(np.float64)
    return Labelled(logits, labels, rng.choice([1.0, 4.0], n) if weights else np.ones(n), np.arange(n))


def test_platt_is_logistic_regression_with_the_weights_of_the_labels() -> None:
    some = films(slope=0.6, intercept=0.8, weights=True)
    oracle = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(some.logits[:, None], some.labels, some.weights)
    fitted = platt(some)
    assert (fitted.slope, fitted.intercept) == pytest.approx((oracle.coef_[0, 0], oracle.intercept_[0]), abs=1e-4)


def test_temperature_is_logistic_regression_without_an_intercept() -> None:
    some = films(slope=0.5, weights=True)
    oracle = LogisticRegression(C=1e9, tol=1e-10, fit_intercept=False).fit(some.logits[:, None], some.labels, some.weights)
    assert temperature(some).slope == pytest.approx(oracle.coef_[0, 0], abs=1e-4)


def test_shift_makes_the_mean_probability_that_of_the_truth() -> None:
    some = films(intercept=1.2, weights=True)
    calibrated = expit(shift(some)(some.logits))
    assert np.average(calibrated, weights=some.weights) == pytest.approx(np.average(some.labels, weights=some.weights), abs=1e-6)


def test_isotonic_rises_and_follows_the_oracle_where_it_has_many_labels() -> None:
    some = films(20_000, slope=0.4, intercept=1.0)
    fitted = isotonic(some)
    x, y = np.array(fitted.knots).T
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) > 0).all()
    grid = np.linspace(-3, 1.5, 40)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(some.logits, some.labels).predict(grid)
    assert expit(fitted(grid)) == pytest.approx(oracle, abs=0.06)


def test_a_knot_of_an_isotonic_fit_never_rests_on_a_handful_of_labels() -> None:
    assert len(isotonic(films(1000)).knots) <= 1000 // FLOOR


@pytest.mark.parametrize(("slope", "intercept", "method"), [(1.0, -1.0, "shift"), (0.5, 0.0, "temperature"), (0.5, 1.0, "platt")])
def test_the_simplest_sufficient_method_is_chosen_and_brings_the_truth_back(slope: float, intercept: float, method: str) -> None:
    found = recalibrate(films(4000, slope=slope, intercept=intercept))
    assert (found.method, found.better) == (method, True)
    assert found.after.slope == pytest.approx(1.0, abs=0.15)
    assert found.after.ece < found.before.ece
    assert found.after.brier < found.before.brier


def test_logits_that_bend_are_straightened_by_knots() -> None:
    some = films(6000)
    bent = Labelled(np.sinh(some.logits * 1.3), some.labels, some.weights, some.patients)
    found = recalibrate(bent)
    assert (found.method, found.better) == ("isotonic", True)


@pytest.mark.parametrize("seed", range(8))
def test_calibrated_logits_are_left_alone(seed: int) -> None:
    assert not recalibrate(films(800, seed=seed)).better


def test_what_helps_all_but_hurts_a_subgroup_is_refused() -> None:
    most, few = films(4000, intercept=-1.5), films(600, intercept=0.5, seed=1)
    logits, labels, weights = (np.concatenate([getattr(most, name), getattr(few, name)]) for name in ("logits", "labels", "weights"))
    both = Labelled(logits, labels, weights, np.arange(4600))
    found = recalibrate(both, {"site=north": np.arange(4600) >= 4000})
    assert found.gained.low > 0
    assert (found.worse_in, found.better) == (("site=north",), False)


def test_films_of_one_patient_are_one_witness() -> None:
    some = films(400, slope=0.7)
    repeated = Labelled(*(np.repeat(getattr(some, name), 10) for name in ("logits", "labels", "weights", "patients")))
    gained, naive = (
        recalibrate(repeated).gained,
        recalibrate(Labelled(repeated.logits, repeated.labels, repeated.weights, np.arange(4000))).gained,
    )
    assert gained.high - gained.low > 2 * (naive.high - naive.low)


def test_too_few_labels_of_a_class_are_no_ground() -> None:
    some = films(200)
    with pytest.raises(ValueError, match="too few"):
        recalibrate(Labelled(some.logits, np.zeros(200), some.weights, some.patients))


@pytest.mark.parametrize("knots", [((0.0, 0.0),), ((0.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (1.0, 1.0)), ((0.0, float("nan")), (1.0, 2.0))])
def test_a_map_that_does_not_rise_is_no_calibrator(knots: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="knots"):
        Calibrator(knots=knots)


def test_a_slope_that_falls_is_no_calibrator() -> None:
    with pytest.raises(ValueError, match="slope"):
        Calibrator(slope=-1.0)
