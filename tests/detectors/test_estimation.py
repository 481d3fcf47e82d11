"""What can be told without labels is told rightly, and what cannot is not told."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from detectors.estimate_error import estimate_error
from detectors.estimated_performance import estimated_performance
from detectors.estimation import Calibrator, estimate_rates, prior_shift
from detectors.measurement import Measurement, Verdict
from detectors.mixture import mixture_share
from detectors.reference import Reference
from detectors.schema import SCORE_BINS, score_bin
from detectors.tally import tally_cells
from tests.detectors.builders import make_reference, make_rows

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FILMS, PREVALENCE, THRESHOLD = 20_000, 0.05, float(logit(0.1))
APART = 2.187
"""Distance of two unit normals, the classes' scores before they are put on the log odds scale: sensitivity .774 at a threshold of .1."""


def log_odds(x: Floats) -> Floats:
    return np.asarray(APART * x - APART**2 / 2 + logit(PREVALENCE))


def films(rng: np.random.Generator, prevalence: float = PREVALENCE, invisible: float = 0.0) -> tuple[Floats, Bools]:
    truth = rng.random(FILMS) < prevalence
    seen = truth & (rng.random(FILMS) >= invisible)
    return log_odds(rng.normal(0, 1, FILMS) + APART * seen), truth


def harder(rng: np.random.Generator) -> tuple[Floats, Bools]:
    """Films of the middle only, each as likely to be positive as ever."""
    scores = log_odds(rng.normal(0, 0.72, FILMS))
    return scores, rng.random(FILMS) < expit(scores)


def histogram(scores: Floats) -> Floats:
    return np.bincount(score_bin(scores), minlength=SCORE_BINS).astype(np.float64)


def in_twenty(counts: Floats, whole: Floats) -> Floats:
    group = np.clip(((np.cumsum(whole) - whole / 2) * 20 / whole.sum()).astype(int), 0, 19)
    return np.bincount(group, counts, 20).astype(np.float64)


def sensitivities(draw: Callable[[np.random.Generator], tuple[Floats, Bools]], seed: int) -> tuple[float, float, float]:
    """Sensitivity at .1 of 20,000 films: the truth, CBPE, and CBPE at the prevalence that the scores show."""
    rng = np.random.default_rng(seed)
    scores, truth = films(rng)
    negatives, positives = histogram(scores[~truth]), histogram(scores[truth])
    calibrator = Calibrator.of(negatives, positives, np.ones(SCORE_BINS), 1.0)
    scores, truth = draw(rng)
    now, whole = histogram(scores), negatives + positives
    share = mixture_share(in_twenty(now, whole), in_twenty(positives, whole), in_twenty(negatives, whole)).value
    plain, adjusted = (
        estimate_rates(calibrator, now, THRESHOLD, odds)["sensitivity"].value for odds in (0.0, prior_shift(positives.sum() / FILMS, share))
    )
    return float((truth & (scores >= THRESHOLD)).sum() / truth.sum()), plain, adjusted


@pytest.mark.parametrize(
    ("draw", "known"),
    [
        (films, (0.761, 0.768, 0.774)),
        (harder, (0.303, 0.308, 0.356)),
        (lambda rng: films(rng, prevalence=0.15), (0.781, 0.879, 0.775)),
        (lambda rng: films(rng, invisible=0.2), (0.631, 0.757, 0.776)),
    ],
    ids=["no shift", "harder case mix", "prevalence", "invisible"],
)
def test_each_kind_of_shift_bends_each_estimate_as_is_known(
    draw: Callable[[np.random.Generator], tuple[Floats, Bools]], known: tuple[float, float, float]
) -> None:
    """Known from one simulated stream of 20,000 films; here the mean of twelve, so that chance does not decide."""
    assert np.mean([sensitivities(draw, seed) for seed in range(12)], axis=0) == pytest.approx(known, abs=0.02)


def test_every_rate_is_that_of_labels_drawn_from_the_probabilities() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(-2, 1.5, 4000)
    exact = Calibrator(np.array([0.3, 0.8]), np.zeros((2, 2)))
    found = estimate_rates(exact, histogram(scores), 0.0)
    drawn: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(300):
        truth, flagged = rng.random(4000) < expit(0.3 + 0.8 * scores), scores >= 0
        drawn["sensitivity"].append((truth & flagged).sum() / truth.sum())
        drawn["specificity"].append((~truth & ~flagged).sum() / (~truth).sum())
        drawn["positive_predictive_value"].append((truth & flagged).sum() / flagged.sum())
        drawn["negative_predictive_value"].append((~truth & ~flagged).sum() / (~flagged).sum())
        drawn["auroc"].append(roc_auc_score(truth, scores))
    for name, one in found.items():
        assert one.value == pytest.approx(np.mean(drawn[name]), abs=0.004)
        assert one.error == pytest.approx(np.std(drawn[name]), rel=0.15)


def test_the_interval_covers_what_labels_show_later() -> None:
    rng, covered = np.random.default_rng(2), []
    for _ in range(300):
        scores = rng.normal(-2, 1.5, 1500)
        truth = rng.random(1500) < expit(scores)
        calibrator = Calibrator.of(histogram(scores[~truth]), histogram(scores[truth]), np.ones(SCORE_BINS), 1.0)
        scores = rng.normal(-2, 1.5, 1500)
        truth = rng.random(1500) < expit(scores)
        one = estimate_rates(calibrator, histogram(scores), 0.0)["sensitivity"]
        covered.append(abs(one.value - (truth & (scores >= 0)).sum() / truth.sum()) <= 1.96 * one.error)
    assert 0.92 <= np.mean(covered) <= 0.98


@cache
def reference() -> Reference:
    return make_reference(6000, 60)


def measured(n: int = 2000, seed: int = 3, **changes: Any) -> dict[str, Measurement]:
    window = tally_cells(reference().schema, *make_rows(n, seed=seed, **changes))
    return {one.name: one for detector in (estimated_performance, estimate_error) for one in detector(reference(), window)}


def test_without_a_shift_the_estimate_is_right_before_any_label_came() -> None:
    blind, sighted = measured(labelled=0.0), measured()
    assert blind["estimate_validity"].value == 1
    assert blind["estimated_sensitivity"].value == pytest.approx(sighted["estimated_sensitivity"].value)
    assert blind["sensitivity_estimate_error"].verdict is Verdict.INSUFFICIENT
    assert abs(sighted["sensitivity_estimate_error"].value or 1) < 0.05
    assert sighted["sensitivity_estimate_error"].verdict is Verdict.WITHIN


def test_after_a_shift_of_prevalence_it_is_adjusted_and_still_right() -> None:
    found = measured(4000, prevalence=1.2)
    assert found["estimate_validity"].value == 0.5
    assert all(abs(found[f"{name}_estimate_error"].value or 1) < 0.05 for name in ("sensitivity", "positive_predictive_value"))


@pytest.mark.parametrize("changes", [{"brightness": 6.0}, {"brightness": 6.0, "prevalence": 1.2}, {"shift": 2.0}])
def test_after_the_films_themselves_changed_there_is_no_estimate_and_the_light_is_out(changes: dict[str, Any]) -> None:
    found = measured(**changes)
    assert (found["estimate_validity"].value, found["estimate_validity"].verdict) == (0.0, Verdict.INSUFFICIENT)
    assert found["estimated_sensitivity"].value is None
    assert found["estimated_sensitivity"].reason.startswith("not identifiable")


def test_positives_that_became_invisible_are_not_seen_until_labels_score_the_estimate() -> None:
    found = measured(6000, north_log_odds=1.5, south_log_odds=1.5)
    assert found["estimated_sensitivity"].verdict is Verdict.WITHIN
    assert found["sensitivity_estimate_error"].verdict is Verdict.BREACHED
