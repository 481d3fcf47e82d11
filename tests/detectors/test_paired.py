"""Paired statistics: each against another way to the same number, and their promises by simulation."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from MLstatkit import Delong_test
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import brier_score_loss, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar

from detectors.auroc_difference import auroc_difference
from detectors.brier_difference import brier_difference
from detectors.calibration_difference import calibration_difference
from detectors.decision import Decision
from detectors.mcnemar import mcnemar
from detectors.non_inferiority import judge, together, width
from detectors.paired import Difference, Pair
from detectors.rate_difference import sensitivity_difference, specificity_difference

Floats = NDArray[np.float64]


def make_pair(patients: int = 300, *, films: int = 1, seed: int = 0, noise: float = 1.0, scale: float = 1.0, tied: bool = False) -> Pair:
    """Films whose patients share their mistakes; the challenger sees the same with other noise."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), films)
    common = rng.normal(size=patients)[patient]
    truth = (rng.random(len(patient)) < 0.3).astype(float)
    base = 1.5 * truth - 1 + common
    first, second = base + rng.normal(size=len(patient)), scale * (base + noise * rng.normal(size=len(patient)))
    return Pair.of(truth, first.round() if tied else first, second.round() if tied else second, patients=patient)


def delong(pair: Pair) -> tuple[float, float]:
    """Difference and its variance by DeLong's own formulas, over all pairs of a positive and a negative."""
    up, down = pair.truth == 1, pair.truth == 0

    def kernel(scores: Floats) -> Floats:
        return np.asarray((scores[up][:, None] > scores[down]) + 0.5 * (scores[up][:, None] == scores[down]))

    psi = kernel(pair.challenger) - kernel(pair.champion)
    variance = psi.mean(axis=1).var(ddof=1) / up.sum() + psi.mean(axis=0).var(ddof=1) / down.sum()
    return float(psi.mean()), float(variance)


@pytest.mark.parametrize("pair", [make_pair(seed=3, noise=2.0), make_pair(seed=3, noise=2.0, tied=True)], ids=["smooth", "tied"])
def test_the_difference_of_areas_is_delongs(pair: Pair) -> None:
    found = auroc_difference(pair)
    value, variance = delong(pair)
    assert found.difference.value == pytest.approx(value)
    assert found.difference.variance == pytest.approx(variance)
    assert found.champion == pytest.approx(roc_auc_score(pair.truth, pair.champion))


@pytest.mark.parametrize("tied", [False, True], ids=["smooth", "tied"])
def test_the_test_of_two_areas_is_that_of_mlstatkit(*, tied: bool) -> None:
    pair = make_pair(seed=3, noise=2.0, tied=tied)
    z, p, champion, challenger = Delong_test(pair.truth, pair.champion, pair.challenger, return_ci=False)
    found = auroc_difference(pair)
    assert (found.champion, found.challenger) == pytest.approx((champion, challenger))
    assert found.difference.value / found.difference.error == pytest.approx(z, rel=1e-6)
    assert found.p == pytest.approx(p, abs=1e-9)


def test_films_of_one_patient_are_not_independent_witnesses() -> None:
    once = make_pair(150, seed=5)
    copies = np.repeat(np.arange(150), 8)
    eightfold = once.take(copies)
    apart = Pair.of(eightfold.truth, eightfold.champion, eightfold.challenger)
    assert auroc_difference(eightfold).difference.variance == pytest.approx(auroc_difference(once).difference.variance, rel=1e-6)
    assert auroc_difference(apart).difference.variance < 0.2 * auroc_difference(once).difference.variance
    assert mcnemar(make_flags(eightfold)).p == mcnemar(make_flags(once)).p
    assert brier_difference(make_probabilities(eightfold)).difference.variance == pytest.approx(
        brier_difference(make_probabilities(once)).difference.variance, rel=1e-6
    )


def test_variances_by_influence_are_those_of_resampled_patients() -> None:
    pair = make_pair(400, films=3, seed=7, noise=1.5, scale=1.3)
    found = [auroc_difference(pair).difference, brier_difference(make_probabilities(pair)).difference]
    lines = calibration_difference(pair)
    found += [lines.slope_error, lines.intercept_error]
    rng, drawn = np.random.default_rng(1), []
    for _ in range(200):
        picked = rng.integers(0, 400, 400)
        again = Pair(
            *(one.reshape(400, 3)[picked].ravel() for one in (pair.truth, pair.champion, pair.challenger, pair.weights, pair.patients))
        )
        other = calibration_difference(again)
        brier = brier_difference(make_probabilities(again)).difference.value
        drawn.append((auroc_difference(again).difference.value, brier, other.slope_error.value, other.intercept_error.value))
    assert np.std(drawn, axis=0) == pytest.approx([one.error for one in found], rel=0.2)


def test_mcnemar_is_the_exact_test_where_nobody_comes_twice() -> None:
    flags = make_flags(make_pair(60, seed=2))
    found = mcnemar(flags)
    table = [[0, found.champion_only], [found.challenger_only, 0]]
    assert found.p == pytest.approx(float(exact_mcnemar(table, exact=True).pvalue))


def test_brier_scores_and_calibration_are_those_of_others() -> None:
    pair = make_pair(500, seed=4, scale=2.0)
    found = brier_difference(make_probabilities(pair))
    assert found.champion == pytest.approx(brier_score_loss(pair.truth, expit(pair.champion)))
    fit = sm.GLM(pair.truth, sm.add_constant(pair.challenger), family=sm.families.Binomial()).fit(cov_type="HC0")
    lines = calibration_difference(pair)
    assert lines.challenger_slope == pytest.approx(float(fit.params[1]), abs=1e-5)
    assert lines.slope.error == pytest.approx(float(fit.bse[1]), rel=0.01)


def test_rates_cover_what_is_true_and_two_that_agree_are_not_certain() -> None:
    inside = sum(covers(seed) for seed in range(400))
    assert 0.93 <= inside / 400 <= 0.985
    same = sensitivity_difference(Pair.of(np.ones(20), np.ones(20), np.ones(20)))
    assert same is not None
    assert same.difference.value == 0.0
    assert same.difference.error > 0.04
    assert specificity_difference(Pair.of(np.ones(20), np.ones(20), np.ones(20))) is None


def covers(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    known = rng.random(60)
    first, second = ((known < 0.6) | (rng.random(60) < extra) for extra in (0.3, 0.5))
    found = sensitivity_difference(Pair.of(np.ones(60), first.astype(float), second.astype(float)))
    assert found is not None
    return found.difference.interval.low <= 0.4 * 0.2 <= found.difference.interval.high


def test_a_challenger_worse_by_the_margin_seldom_passes_however_often_it_is_looked_at() -> None:
    rng = np.random.default_rng(0)
    passed = failed = 0
    for _ in range(200):
        losses = rng.normal(-0.05, 0.4, size=4000)
        n = np.arange(100, 4001, 40)
        means, errors = np.cumsum(losses)[n - 1] / n, 0.4 / np.sqrt(n)
        looks = [judge(Difference(m, e**2, int(k), int(k)), 0.05, planned=200).decision for m, e, k in zip(means, errors, n, strict=True)]
        passed += Decision.PASS in looks
        failed += Decision.FAIL in looks
    assert passed / 200 <= 0.05
    assert failed / 200 <= 0.05


def test_a_fail_needs_more_where_many_are_judged_and_a_pass_does_not() -> None:
    worse = Difference(-0.09, 0.014**2, 300, 300)
    assert judge(worse, 0.05).decision is Decision.FAIL
    assert judge(worse, 0.05, claims=20).decision is Decision.NOT_YET
    equal = Difference(0.0, 0.015**2, 300, 300)
    assert judge(equal, 0.05).decision is judge(equal, 0.05, claims=20).decision is Decision.PASS
    assert together([Decision.PASS, Decision.FAIL, Decision.NOT_YET]) is Decision.FAIL
    assert together([]) is Decision.NOT_YET


def test_as_many_cases_more_as_were_foretold_decide() -> None:
    now = Difference(0.005, 0.04**2, 250, 200)
    waiting = judge(now, 0.05)
    assert waiting.decision is Decision.NOT_YET
    assert waiting.more is not None
    grown = (250 + waiting.more) / 250
    assert judge(Difference(0.005, 0.04**2 / grown, 250 + waiting.more, round(200 * grown)), 0.05).decision is Decision.PASS
    assert judge(Difference(-0.05, 0.04**2, 250, 200), 0.05).more is None


def test_bounds_widen_slowly_away_from_the_planned_number() -> None:
    assert width(200, 0.05, 200) < min(width(20, 0.05, 200), width(2000, 0.05, 200)) < 1.4 * width(200, 0.05, 200)


def test_what_cannot_be_compared_is_refused() -> None:
    ones = np.ones(4)
    with pytest.raises(ValueError, match="two positives"):
        auroc_difference(Pair.of(ones, ones, ones))
    with pytest.raises(ValueError, match="two positives"):
        calibration_difference(Pair.of(ones, ones, ones))
    with pytest.raises(ValueError, match="finite"):
        Pair.of(ones, ones * np.nan, ones)
    with pytest.raises(ValueError, match="same films"):
        Pair.of(ones, ones, np.ones(3))
    with pytest.raises(ValueError, match="margin"):
        judge(Difference(0.0, 1.0, 10, 10), -0.01)


def make_flags(pair: Pair) -> Pair:
    return pair.of_scores((pair.champion > 0).astype(float), (pair.challenger > 0).astype(float))


def make_probabilities(pair: Pair) -> Pair:
    return pair.of_scores(expit(pair.champion), expit(pair.challenger))
