"""Size and coverage by simulation, with fixed seeds and stated bands."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from detectors import discrepancy
from detectors.auroc import area
from detectors.batch import Batch
from detectors.calibration_line import fit_intercept
from detectors.divergence import compare
from detectors.intervals import Z, newcombe, wilson
from detectors.mixture import mixture_share
from detectors.outliers import outlying_from
from detectors.plan import Plan
from detectors.projection import DISTANCE
from detectors.reference import build_reference
from detectors.schema import SCORE_BINS, score_bin
from detectors.tally import tally


def histogram(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.bincount(score_bin(scores), minlength=SCORE_BINS)


@pytest.mark.parametrize("n", [50, 200, 1000])
def test_the_g_test_has_its_size_from_fifty_observations(n: int) -> None:
    rng = np.random.default_rng(n)
    p = [compare(rng.multinomial(4000, [0.1] * 10), rng.multinomial(n, [0.1] * 10), 1.0).p for _ in range(3000)]
    assert 0.035 <= np.mean(np.array(p) <= 0.05) <= 0.065


def test_the_g_test_has_its_size_when_films_come_in_clusters_and_dispersion_is_known() -> None:
    rng, p = np.random.default_rng(0), []
    for _ in range(2000):
        clustered = 5 * rng.multinomial(80, [0.1] * 10)
        p.append(compare(5 * rng.multinomial(800, [0.1] * 10), clustered, 5.0).p)
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.075


def test_the_distance_does_not_depend_on_the_sample_size() -> None:
    rng = np.random.default_rng(0)
    then, moved = np.full(10, 0.1), np.linspace(0.05, 0.15, 10)
    means = [
        np.mean([compare(rng.multinomial(4000, then), rng.multinomial(n, moved), 1.0).distance for _ in range(400)])
        for n in (200, 1000, 5000)
    ]
    assert np.ptp(means) < 0.015


@pytest.mark.parametrize(("rate", "n"), [(0.9, 10), (0.5, 10), (0.1, 50), (0.02, 200)])
def test_wilson_covers_from_ten_observations(rate: float, n: int) -> None:
    k = np.random.default_rng(1).binomial(n, rate, 4000)
    covered = [(one := wilson(hits, n)).low <= rate <= one.high for hits in k]
    assert 0.92 <= np.mean(covered) <= 0.99


def test_newcombe_covers_at_the_floor_of_a_gap() -> None:
    rng = np.random.default_rng(2)
    pairs = zip(rng.binomial(10, 0.8, 4000), rng.binomial(30, 0.9, 4000), strict=True)
    covered = [(one := newcombe((a, 10), (b, 30))).low <= -0.1 <= one.high for a, b in pairs]
    assert 0.93 <= np.mean(covered) <= 0.985


@pytest.mark.parametrize("events", [20, 50])
def test_logit_delong_covers_at_its_floor(events: int) -> None:
    rng, truth, covered = np.random.default_rng(3), 0.8413447, []
    for _ in range(1500):  # AUROC of two normals sqrt(2) apart
        one = area(histogram(rng.normal(0, 1, events)), histogram(rng.normal(np.sqrt(2), 1, events)))
        center, half = np.log(one.value / (1 - one.value)), Z * np.sqrt(one.logit_variance)
        covered.append(expit(center - half) <= truth <= expit(center + half))
    assert 0.925 <= np.mean(covered) <= 0.98


def test_the_calibration_intercept_covers_at_fifty_events() -> None:
    rng, covered = np.random.default_rng(4), []
    for _ in range(800):
        scores = rng.normal(-1.5, 1.5, 230)
        labels = rng.random(230) < expit(scores + 0.3)
        one = fit_intercept(histogram(scores[~labels]), histogram(scores[labels]))
        covered.append(abs(one.value - 0.3) <= Z * np.sqrt(one.variance))
    assert 0.93 <= np.mean(covered) <= 0.97


def test_the_estimated_prevalence_is_right_and_covered() -> None:
    rng, found = np.random.default_rng(5), []

    def draw(center: float, n: int) -> NDArray[np.float64]:
        places = np.searchsorted(np.linspace(-4, 4, 19), rng.normal(center, 1.2, n))
        return np.bincount(places, minlength=20).astype(np.float64)

    for _ in range(600):
        count = rng.binomial(300, 0.35)
        found.append(mixture_share(draw(1, count) + draw(-1, 300 - count), draw(1, 200), draw(-1, 800)))
    errors = np.array([one.value - 0.35 for one in found])
    assert np.sqrt((errors**2).mean()) < 0.05
    assert abs(errors.mean()) < 0.01
    assert 0.93 <= np.mean([abs(one.value - 0.35) <= Z * one.error for one in found]) <= 0.98


@pytest.mark.parametrize(("films", "dimensions"), [(4000, 64), (400, 64), (4000, 6)])
@pytest.mark.parametrize("n", [50, 200, 1000])
def test_the_kernel_test_keeps_its_size_and_sees_a_shift_of_half_a_deviation(films: int, dimensions: int, n: int) -> None:
    rng = np.random.default_rng(n)
    scale = np.exp(-np.arange(dimensions) / 8) + 0.05
    then = rng.normal(size=(films, dimensions)) * scale
    bare = build_reference(Plan((), ()), unlabelled(then), {}, np.arange(films) * 60 // films)
    whole, null = bare.tallies["all"], bare.null
    assert null is not None

    def p(shift: float) -> float:
        window = tally(bare.schema, unlabelled((rng.normal(size=(n, dimensions)) + shift) * scale))
        return discrepancy.compare(null, whole, window).p

    assert np.mean([p(0.0) <= 0.05 for _ in range(200)]) <= 0.1
    if n >= 200:
        assert np.mean([p(0.5) <= 0.001 for _ in range(20)]) >= 0.95


def test_days_that_scatter_widen_the_null_of_the_kernel_test() -> None:
    rng = np.random.default_rng(0)
    days = np.arange(3000) // 50
    rows = rng.normal(size=(3000, 8))
    calm, uneven = (
        build_reference(Plan((), ()), unlabelled(rows + scatter * rng.normal(size=(60, 8))[days]), {}, days).null for scatter in (0.0, 0.5)
    )
    assert calm is not None
    assert uneven is not None
    assert calm.dispersion < 1.2
    assert uneven.dispersion > 3


def unlabelled(embedding: NDArray[np.float64]) -> Batch:
    none = np.empty((len(embedding), 0))
    return Batch(none, none, {}, {}, embedding)


@pytest.mark.parametrize("films", [500, 2000])
def test_a_quiet_stream_is_no_more_out_of_distribution_than_the_reference_said(films: int) -> None:
    """The components were fitted to the reference's films: they must not fit others so much worse that these look strange."""
    rng, dimensions = np.random.default_rng(films), 256
    scale = np.exp(-np.arange(dimensions) / 30) + 0.02
    bare = build_reference(Plan((), ()), unlabelled(rng.normal(size=(films, dimensions)) * scale), {}, np.arange(films) * 60 // films)
    first = outlying_from(bare.tallies["all"].feature(DISTANCE)[:-1])
    assert first is not None
    counts = tally(bare.schema, unlabelled(rng.normal(size=(20_000, dimensions)) * scale)).feature(DISTANCE)
    then = bare.tallies["all"].feature(DISTANCE)
    expected = (then[first:-1].sum() + 1) / then.sum()
    assert counts[first:-1].sum() / counts.sum() <= 2 * expected
