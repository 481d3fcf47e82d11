"""Calibration line: how far the log odds of the truth follow the model's logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import Z
from detectors.logistic import Observations, fit_logistic
from detectors.measurement import Interval, Measurement, Verdict
from detectors.reference import REFERENCES_HELD, Reference
from detectors.schema import NEGATIVE, POSITIVE, score_centers
from detectors.tally import Tally

INTERCEPT, SLOPE = "calibration_intercept", "calibration_slope"
EVENTS_NEEDED = {INTERCEPT: 50, SLOPE: 100}
"""Positives and negatives, each."""
MINIMUM_SLOPE_CHANGE = 0.2

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient and its variance, before dispersion."""

    value: float
    variance: float


def calibration_line(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure calibration-in-the-large and slope, for every finding and cell; either direction breaches.

    calibration_intercept: a in log odds(y) = a + score, by logistic regression with the score as offset; 0 is perfect, positive
    means that the truth is more frequent than the model says. calibration_slope: b in log odds(y) = a' + b score; 1 is perfect, below
    1 the model is too sure of itself. Maximum likelihood by Newton's method on the score bins (bin centers; a bin is 0.032 logits
    wide), variance from the information, times phi. The limit is the reference's own value, plus the smallest change worth a verdict
    (the plan's odds ratio; 0.2 for the slope), plus z standard errors of window and reference together; on the side of the value.

    Returns:
        Two measurements a finding and cell; `insufficient` below 50 (slope 100) positives or negatives. n: labels.

    Source:
        Cox 1958, Biometrika 45:562; Van Calster et al. 2019, BMC Medicine 17:230.
    """
    judged = [_judge(reference, window, name) for name in EVENTS_NEEDED]
    return [one for pair in zip(*judged, strict=True) for one in pair]


def fit_intercept(negatives: Counts, positives: Counts) -> Estimate:
    """Intercept of the truth's log odds over the score, both classes as histograms on the score bins.

    >>> centers = score_centers()
    >>> counts = 1000.0 * np.exp(-(centers**2) / 8)
    >>> moved = 1 / (1 + np.exp(-(centers + 0.4)))
    >>> round(fit_intercept(np.rint(counts * (1 - moved)), np.rint(counts * moved)).value, 2)
    0.4
    """
    return _fit(INTERCEPT, [(negatives, positives)])[0]


def fit_slope(negatives: Counts, positives: Counts) -> Estimate:
    """Slope of the truth's log odds over the score, both classes as histograms on the score bins."""
    return _fit(SLOPE, [(negatives, positives)])[0]


def _fit(name: str, classes: Sequence[tuple[Counts, Counts]]) -> list[Estimate]:
    """Fit every pair of histograms, all at once; only filled bins are looked at."""
    negatives, positives = (np.stack([pair[side] for pair in classes]).astype(np.float64) for side in (0, 1))
    problem, bins = np.nonzero(negatives + positives)
    score = score_centers()[bins]
    by_name = {INTERCEPT: (np.ones((1, len(bins))), score), SLOPE: (np.stack([np.ones_like(score), score]), np.zeros_like(score))}
    design, offset = by_name[name]
    n, k = (negatives + positives)[problem, bins], positives[problem, bins]
    beta, covariance = fit_logistic(Observations(problem, len(classes), design, offset, n, k))
    return [Estimate(float(value), float(variance)) for value, variance in zip(beta[:, -1], covariance[:, -1, -1], strict=True)]


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference, name: str) -> Mapping[tuple[str, str], Estimate]:
    """What the reference itself shows, wherever it has labels enough."""
    return _fits(reference, reference.tallies, name)


def _fits(reference: Reference, window: Mapping[str, Tally], name: str) -> dict[tuple[str, str], Estimate]:
    """Fit every finding and cell that has events enough."""
    classes = {
        (finding, cell): (scores[NEGATIVE], scores[POSITIVE])
        for cell in reference.cells
        if cell in window
        for finding in reference.schema.findings
        for scores in (window[cell].scores(finding),)
    }
    enough = {place: pair for place, pair in classes.items() if min(counts.sum() for counts in pair) >= EVENTS_NEEDED[name]}
    return dict(zip(enough, _fit(name, list(enough.values())), strict=True)) if enough else {}


def _judge(reference: Reference, window: Mapping[str, Tally], name: str) -> list[Measurement]:
    usual, found, needed = _usual(reference, name), _fits(reference, window, name), EVENTS_NEEDED[name]
    reason = f"{needed} positives and {needed} negatives needed, in the window and in the reference"
    measured = []
    for finding, cell in product(reference.schema.findings, reference.cells):
        n = int(window[cell].scores(finding)[[NEGATIVE, POSITIVE]].sum()) if cell in window else 0
        bare = Measurement.insufficient(name, n, reason, cell=cell, finding=finding)
        both = (finding, cell) in usual and (finding, cell) in found
        measured.append(_measure(reference, bare, found[finding, cell], usual[finding, cell]) if both else bare)
    return measured


def _measure(reference: Reference, bare: Measurement, found: Estimate, usual: Estimate) -> Measurement:
    smallest = log(reference.plan.minimum_odds_ratio) if bare.name == INTERCEPT else MINIMUM_SLOPE_CHANGE
    phi = reference.dispersion_of("calibration", cell=bare.cell, finding=bare.finding)
    half, reach = Z * sqrt(phi * found.variance), smallest + Z * sqrt(phi * (found.variance + usual.variance))
    above = found.value >= usual.value
    limit = usual.value + reach if above else usual.value - reach
    verdict = Verdict.BREACHED if abs(found.value - usual.value) > reach else Verdict.WITHIN
    interval = Interval(found.value - half, found.value + half)
    return Measurement(bare.name, found.value, bare.n, interval, limit, verdict, cell=bare.cell, finding=bare.finding)
