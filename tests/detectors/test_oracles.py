"""Each statistic against an independent implementation."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import binom, chi2_contingency, power_divergence
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, roc_auc_score
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from detectors import Detector, discrepancy
from detectors.auroc import area
from detectors.bands import band
from detectors.brier import brier
from detectors.calibration_line import fit_intercept, fit_slope
from detectors.decision_rates import decision_rates
from detectors.divergence import compare
from detectors.intervals import newcombe, wilson
from detectors.kernel import BANDWIDTHS, STEP, WAVES, Kernel
from detectors.logistic import Observations, fit_logistic
from detectors.measurement import Measurement
from detectors.mixture import mixture_share
from detectors.multiplicity import benjamini_hochberg
from detectors.projection import Projection
from detectors.reference import Reference
from detectors.schema import LOG_LOSS, NEGATIVE, POSITIVE, SCORE_BINS
from detectors.spiegelhalter import spiegelhalter
from detectors.tally import tally, tally_cells
from tests.detectors.builders import make_batch, make_reference, make_rows

Floats = NDArray[np.float64]


@cache
def reference() -> Reference:
    return make_reference(6000, 60)


def rows(n: int = 3000, seed: int = 2) -> tuple[Floats, Floats]:
    batch = make_batch(n, seed=seed)
    return batch.scores[:, 0], batch.labels[:, 0]


def measured(detector: Detector, n: int = 3000, seed: int = 2, cell: str = "all") -> dict[str, Measurement]:
    window = tally_cells(reference().schema, *make_rows(n, seed=seed))
    return {one.name: one for one in detector(reference(), window) if one.cell == cell}


@pytest.mark.parametrize("seed", range(5))
def test_auroc_is_that_of_scikit_learn_within_the_bound_of_its_bins(seed: int) -> None:
    scores, labels = rows(seed=seed)
    histograms = tally(reference().schema, make_batch(3000, seed=seed)).scores("opacity")
    p, q = histograms[POSITIVE] / histograms[POSITIVE].sum(), histograms[NEGATIVE] / histograms[NEGATIVE].sum()
    value = area(histograms[NEGATIVE], histograms[POSITIVE]).value
    assert abs(value - roc_auc_score(labels, scores)) <= (p * q).sum() / 2


def test_delongs_variance_is_that_of_its_structural_components() -> None:
    scores, labels = rows(400)
    binned = np.floor((scores + 16) * SCORE_BINS / 32)
    x, y = binned[labels == 1], binned[labels == 0]
    wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    variance = wins.mean(axis=1).var(ddof=1) / len(x) + wins.mean(axis=0).var(ddof=1) / len(y)
    below, above = (np.bincount(side.astype(int), minlength=SCORE_BINS) for side in (y, x))
    found = area(below, above)
    assert found.value == pytest.approx(wins.mean())
    assert found.logit_variance == pytest.approx(variance / (wins.mean() * (1 - wins.mean())) ** 2)


def test_brier_and_log_loss_are_those_of_scikit_learn() -> None:
    scores, labels = rows()
    losses = tally(reference().schema, make_batch(3000, seed=2)).losses("opacity")
    assert measured(brier)["brier_score"].value == pytest.approx(brier_score_loss(labels, expit(scores)), abs=1e-8)
    assert losses[LOG_LOSS] / 3000 == pytest.approx(log_loss(labels, expit(scores)), abs=1e-8)


def test_decision_rates_are_those_of_the_confusion_matrix_and_their_intervals_wilsons() -> None:
    scores, labels = rows()
    (tn, fp), (fn, tp) = confusion_matrix(labels, scores >= 0)
    found = measured(decision_rates)
    for name, k, n in (
        ("sensitivity", tp, tp + fn),
        ("specificity", tn, tn + fp),
        ("positive_predictive_value", tp, tp + fp),
        ("negative_predictive_value", tn, tn + fn),
    ):
        assert found[name].value == k / n
        assert found[name].n == n


def test_spiegelhalters_z_is_the_sum_over_rows() -> None:
    scores, labels = rows()
    p, phi = expit(scores), reference().dispersion_of("calibration", finding="opacity")
    z = ((labels - p) * (1 - 2 * p)).sum() / np.sqrt(phi * ((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    assert measured(spiegelhalter)["spiegelhalter_z"].value == pytest.approx(z, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_line_is_that_of_a_logistic_regression_on_rows(seed: int) -> None:
    scores, labels = rows(seed=seed)
    histograms = tally(reference().schema, make_batch(3000, seed=seed)).scores("opacity")
    line = sm.GLM(labels, sm.add_constant(scores), family=sm.families.Binomial()).fit()
    large = sm.GLM(labels, np.ones((len(labels), 1)), family=sm.families.Binomial(), offset=scores).fit()
    slope, intercept = fit_slope(histograms[NEGATIVE], histograms[POSITIVE]), fit_intercept(histograms[NEGATIVE], histograms[POSITIVE])
    assert slope.value == pytest.approx(line.params[1], abs=2e-3)
    assert slope.variance == pytest.approx(line.bse[1] ** 2, rel=0.01)
    assert intercept.value == pytest.approx(large.params[0], abs=2e-3)
    assert intercept.variance == pytest.approx(large.bse[0] ** 2, rel=0.01)


def test_regressions_fitted_together_are_those_fitted_alone_and_stand_at_the_maximum() -> None:
    rng = np.random.default_rng(8)
    sizes = rng.integers(1, 400, 60)
    problem = np.repeat(np.arange(60), sizes)
    scores = rng.normal(rng.normal(0, 3, 60)[problem], 2.0)
    n = rng.integers(1, 30, len(scores)).astype(float)
    k = rng.binomial(n.astype(int), expit(rng.normal(0, 2, 60)[problem] + rng.normal(1, 0.5, 60)[problem] * scores)).astype(float)
    design = np.stack([np.ones_like(scores), scores])
    together, covariance = fit_logistic(Observations(problem, 60, design, np.zeros_like(scores), n, k))
    for one in range(60):
        rows = problem == one
        alone = Observations(np.zeros(rows.sum(), dtype=np.int64), 1, design[:, rows], np.zeros(rows.sum()), n[rows], k[rows])
        beta, variances = fit_logistic(alone)
        assert np.allclose(together[one], beta[0], rtol=1e-9, atol=1e-9)
        assert np.allclose(covariance[one], variances[0], rtol=1e-6)
    gradient = alone.design @ (alone.k - alone.n * expit(beta[0] @ alone.design))
    assert np.abs(variances[0] @ gradient).max() < 1e-8


def test_separated_classes_give_a_finite_slope() -> None:
    negatives, positives = np.zeros(SCORE_BINS, dtype=np.int64), np.zeros(SCORE_BINS, dtype=np.int64)
    negatives[100:200], positives[800:900] = 3, 3
    found = fit_slope(negatives, positives)
    assert np.isfinite([found.value, found.variance]).all()
    assert found.value > 0


@pytest.mark.parametrize(("k", "n"), [(0, 20), (3, 20), (20, 20), (137, 1000)])
def test_intervals_of_a_share_are_those_of_statsmodels(k: int, n: int) -> None:
    low, high = proportion_confint(k, n, method="wilson")
    assert (wilson(k, n).low, wilson(k, n).high) == pytest.approx((low, high), abs=1e-12)
    exact = proportion_confint(k, n, alpha=0.02, method="beta")
    edges = band(np.array([float(k)]), np.array([float(n)]), np.ones(1), 1.0)[0]
    assert edges == pytest.approx(np.nan_to_num(exact), abs=2e-9)


def test_the_interval_of_a_difference_is_that_of_statsmodels() -> None:
    low, high = confint_proportions_2indep(56, 70, 48, 80, compare="diff", method="newcomb")
    found = newcombe((56, 70), (48, 80))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_a_dispersion_of_two_is_half_as_many_observations() -> None:
    assert wilson(20, 100, 2.0) == wilson(10, 50)


def test_the_g_test_is_that_of_scipy_up_to_williams_correction() -> None:
    then, now = np.array([4000, 3000, 2000, 1000]), np.array([150, 160, 120, 70])
    g, p, freedom, _ = chi2_contingency(np.stack([then, now]), lambda_="log-likelihood")
    found = compare(then, now, 1.0)
    assert found.freedom == freedom
    assert found.p == pytest.approx(p, rel=0.05)
    assert found.p >= p
    doubled = compare(then, now, 2.0)
    assert doubled.p > found.p
    assert power_divergence(now, now.sum() * then / then.sum(), lambda_="log-likelihood").statistic > g


def test_benjamini_hochberg_rejects_what_statsmodels_rejects() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.random(30) ** 3
        rejected, *_ = multipletests(p, alpha=0.05, method="fdr_bh")
        assert ((p <= benjamini_hochberg(p.tolist())) == rejected).all()


def test_the_share_of_a_mixture_is_the_fixed_point_of_em() -> None:
    rng = np.random.default_rng(0)
    positive, negative = rng.multinomial(300, rng.dirichlet(np.ones(12))), rng.multinomial(900, rng.dirichlet(np.ones(12)))
    window = rng.multinomial(500, 0.3 * positive / 300 + 0.7 * negative / 900)
    f1, f0 = ((counts + 0.5) / (counts + 0.5).sum() for counts in (positive, negative))
    share = 0.5
    for _ in range(5000):
        share = float((window * share * f1 / (share * f1 + (1 - share) * f0)).sum() / window.sum())
    assert mixture_share(window.astype(float), positive.astype(float), negative.astype(float)).value == pytest.approx(share, abs=1e-6)


def test_principal_components_are_those_of_a_singular_value_decomposition() -> None:
    rows = np.random.default_rng(0).normal(size=(500, 5)) @ np.diag([5.0, 3.0, 2.0, 1.0, 0.5])
    components = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2]
    assert np.abs(Projection.of(rows).components) == pytest.approx(np.abs(components), abs=1e-8)


def test_the_limit_of_a_share_is_a_quantile_of_the_binomial() -> None:
    from detectors.rates import Rate, measure_rates  # noqa: PLC0415  (used here only)

    edge = float(band(np.array([100.0]), np.array([1000.0]), np.ones(1), 1.5)[0, 1])
    verdicts = [one.verdict.value for one in measure_rates("share", [Rate(k, 200, 100, 1000, 1.0, 1.5) for k in range(201)], "high")]
    first = verdicts.index("breached")
    assert binom.sf(first - 1, 200, edge) <= 0.025 < binom.sf(first - 2, 200, edge)


def test_the_kernel_is_a_mean_of_gaussian_ones() -> None:
    rows = np.random.default_rng(0).normal(size=(300, 4))
    kernel = Kernel.of(rows)
    waves = kernel.waves(rows) / STEP
    squared = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    median = np.sqrt(np.median(squared[np.triu_indices(300, 1)]))
    exact = np.mean([np.exp(-squared / (2 * (width * median) ** 2)) for width in BANDWIDTHS], axis=0)
    assert np.abs(waves @ waves.T / WAVES - exact).mean() < 0.05


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_discrepancy_is_that_of_alibi_detect_within_the_draw_of_its_frequencies(shift: float) -> None:
    alibi = pytest.importorskip("alibi_detect.cd.pytorch.mmd", reason="alibi-detect is an extra", exc_type=ImportError)
    batch = make_batch(400, seed=5, embedding=shift)
    whole, window = reference().tallies["all"], tally(reference().schema, batch)
    null = reference().null
    assert null is not None
    found = discrepancy.compare(null, whole, window)
    then, now = make_batch(1500, seed=6).embedding.astype(np.float32), batch.embedding.astype(np.float32)
    p = alibi.MMDDriftTorch(then, n_permutations=100, device="cpu").predict(now)["data"]["p_val"]
    assert (found.p < 0.01) == (p < 0.01) == (shift > 0)
