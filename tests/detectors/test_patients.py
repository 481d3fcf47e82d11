"""Patients are counted without being kept, and repeated ones widen what is said of decisions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from detectors.batch import Batch
from detectors.decision_rates import decision_rates
from detectors.patients import correlations, count_patients, films_of_a_patient, performance_dispersion
from detectors.plan import Plan
from detectors.reference import build_reference
from detectors.schema import NEGATIVE, POSITIVE, UNLABELLED
from detectors.tally import Tally, tally
from tests.detectors.builders import make_batch, make_reference

PLAN = Plan(("one", "two"), (0.0, 0.0))


def films(patients: NDArray[np.int64]) -> Batch:
    none = np.full((len(patients), 2), -1.0)
    return Batch(none, np.full(none.shape, np.nan), {}, {}, np.empty((len(none), 0)), patients=patients)


def bucketed(patients: NDArray[np.int64]) -> NDArray[np.int64]:
    batch = films(patients)
    return tally(build_reference(PLAN, batch, {}, np.zeros(len(patients), dtype=np.int64)).schema, batch).patients()


@pytest.mark.parametrize("patients", [1, 3, 10, 40, 300])
def test_patients_are_counted_nearly_exactly_where_they_are_few(patients: int) -> None:
    rng = np.random.default_rng(patients)
    named = rng.integers(0, 2**62, patients)
    counted = [count_patients(bucketed(rng.permutation(np.repeat(rng.integers(0, 2**62, patients), 4)))) for _ in range(20)]
    assert np.mean(counted) == pytest.approx(patients, rel=0.08)
    assert count_patients(bucketed(np.append(np.repeat(named, 4), [-1, -1]))) >= 2


@pytest.mark.parametrize(("patients", "each"), [(500, 1), (500, 3), (60, 10), (5, 40)])
def test_films_of_a_patient_are_told_from_the_buckets(patients: int, each: int) -> None:
    rng = np.random.default_rng(each)
    found = [films_of_a_patient(bucketed(np.repeat(rng.integers(0, 2**62, patients), each))) for _ in range(20)]
    assert np.mean(found) == pytest.approx(each, rel=0.15, abs=0.3)


def test_films_that_name_no_patient_are_patients_of_their_own() -> None:
    assert films_of_a_patient(bucketed(np.full(50, -1))) == 1.0
    assert films_of_a_patient(np.zeros(257, dtype=np.int64)) == 1.0


def clustered(rng: np.random.Generator, patients: int, each: int) -> Batch:
    """Positives of which a patient's are mostly found or mostly missed."""
    found = np.repeat(rng.normal(0.8, 1.6, patients), each)
    scores = np.where(rng.random(patients * each) < expit(found), 1.0, -1.0)[:, None]
    patient = np.repeat(rng.integers(0, 2**62, patients), each)
    return Batch(scores, np.ones(scores.shape), {}, {}, np.empty((len(scores), 0)), patients=patient)


def test_intervals_cover_although_patients_come_again() -> None:
    """Also where the reference knew no repeated patients, so that nothing but the films themselves tells of them."""
    rng, covered, bare = np.random.default_rng(0), list[bool](), list[bool]()
    plan = Plan(("one",), (0.0,))
    reference = build_reference(plan, clustered(rng, 3200, 1), {}, np.zeros(3200, dtype=np.int64))
    plain = replace(reference, correlation={"one": 0.0}, named=b"plain")
    truth = float(expit(rng.normal(0.8, 1.6, 400_000)).mean())
    for _ in range(600):
        window = {"all": tally(reference.schema, clustered(rng, 25, 4))}
        for kept, known in ((covered, reference), (bare, plain)):
            one = next(one for one in decision_rates(known, window) if one.name == "sensitivity")
            assert one.interval is not None
            kept.append(one.interval.low <= truth <= one.interval.high)
    assert 0.93 <= np.mean(covered) <= 0.985
    assert np.mean(bare) < 0.92


def test_without_repeats_the_dispersion_is_the_references_own() -> None:
    reference = make_reference(1500, 30)
    window = {"all": tally(reference.schema, make_batch(400))}
    dispersion = performance_dispersion(reference, window)("opacity", "all")
    assert dispersion == pytest.approx(reference.dispersion_of("performance", finding="opacity"), abs=0.05)
    repeated = {"all": tally(reference.schema, make_batch(400, films_of_a_patient=8))}
    assert performance_dispersion(reference, repeated)("opacity", "all") > 2


def test_the_correlation_is_learnt_from_the_reference() -> None:
    rng = np.random.default_rng(1)
    schema = build_reference(Plan(("one",), (0.0,)), clustered(rng, 50, 4), {}, np.zeros(200, dtype=np.int64)).schema
    independent = replace(clustered(rng, 800, 4), patients=rng.integers(0, 2**62, 800).repeat(4)[rng.permutation(3200)])
    assert correlations(schema, clustered(rng, 800, 4))["one"] == pytest.approx(0.25, abs=0.1)
    assert correlations(schema, independent)["one"] < 0.05
    assert correlations(schema, replace(independent, patients=None))["one"] == 0.3


def test_a_film_on_which_nothing_was_flagged_though_something_is_there_is_counted_over_all_findings() -> None:
    nan = np.nan
    scores = np.array([[-1, -1], [-1, -1], [1, -1], [-1, -1], [1, 1]], dtype=float)
    labels = np.array([[0, 1], [0, 0], [0, 1], [0, nan], [0, 0]], dtype=float)
    batch = Batch(scores, labels, {}, {}, np.empty((5, 0)))
    counted: Tally = tally(build_reference(PLAN, batch, {}, np.zeros(5, dtype=np.int64)).schema, batch)
    assert counted.nothing()[[UNLABELLED, NEGATIVE, POSITIVE]].tolist() == [[1, 0], [1, 1], [1, 1]]
