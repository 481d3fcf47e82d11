"""Calibration line: how far the log odds of the truth follow the model's logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.intervals import Z
from detectors.measurement import Interval, Measurement, Verdict
from detectors.reference import Reference
from detectors.schema import NEGATIVE, POSITIVE, score_centers
from detectors.tally import Tally, tally_of

INTERCEPT, SLOPE = "calibration_intercept", "calibration_slope"
EVENTS_NEEDED = {INTERCEPT: 50, SLOPE: 100}
"""Positives and negatives, each."""
MINIMUM_SLOPE_CHANGE = 0.2
ROUNDS = 50
CONVERGED = 1e-9
RIDGE = 1e-9

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
    return [
        _measure(reference, window, name, finding, cell)
        for finding in reference.schema.findings
        for cell in reference.cells
        for name in (INTERCEPT, SLOPE)
    ]


def fit_intercept(negatives: Counts, positives: Counts) -> Estimate:
    """Intercept of the truth's log odds over the score, both classes as histograms on the score bins.

    >>> centers = score_centers()
    >>> counts = 1000.0 * np.exp(-(centers**2) / 8)
    >>> moved = expit(centers + 0.4)
    >>> round(fit_intercept(np.rint(counts * (1 - moved)), np.rint(counts * moved)).value, 2)
    0.4
    """
    return _fit(negatives, positives, np.ones((len(negatives), 1)), offset=score_centers())[0]


def fit_slope(negatives: Counts, positives: Counts) -> Estimate:
    """Slope of the truth's log odds over the score, both classes as histograms on the score bins."""
    centers = score_centers()
    return _fit(negatives, positives, np.stack([np.ones_like(centers), centers], axis=1), offset=np.zeros_like(centers))[1]


def _fit(negatives: Counts, positives: Counts, design: NDArray[np.float64], offset: NDArray[np.float64]) -> list[Estimate]:
    """Logistic regression by Newton's method with halved steps; a tiny ridge keeps separated data finite."""
    filled = (negatives + positives) > 0
    x, n, k, base = design[filled], (negatives + positives)[filled], positives[filled], offset[filled]

    def likelihood(beta: NDArray[np.float64]) -> float:
        logits = base + x @ beta
        return float(k @ logits - n @ np.logaddexp(0, logits) - RIDGE * (beta @ beta) / 2)

    beta = np.zeros(x.shape[1])
    best = likelihood(beta)
    for _ in range(ROUNDS):
        p = expit(base + x @ beta)
        information = (x * (n * p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(x.shape[1])
        step = np.linalg.solve(information, x.T @ (k - n * p) - RIDGE * beta)
        while (tried := likelihood(beta + step)) < best and np.abs(step).max() > CONVERGED:
            step = step / 2
        beta, best = beta + step, tried
        if np.abs(step).max() <= CONVERGED:
            break
    covariance = np.linalg.inv(information)
    return [Estimate(float(value), float(variance)) for value, variance in zip(beta, covariance.diagonal(), strict=True)]


def _measure(reference: Reference, window: Mapping[str, Tally], name: str, finding: str, cell: str) -> Measurement:
    now, then = tally_of(reference.schema, window, cell).scores(finding), reference.tallies[cell].scores(finding)
    n, needed = int(now[NEGATIVE].sum() + now[POSITIVE].sum()), EVENTS_NEEDED[name]
    if min(counts[state].sum() for counts in (now, then) for state in (NEGATIVE, POSITIVE)) < needed:
        reason = f"{needed} positives and {needed} negatives needed, in the window and in the reference"
        return Measurement.insufficient(name, n, reason, cell=cell, finding=finding)
    fit, smallest = (fit_intercept, log(reference.plan.minimum_odds_ratio)) if name == INTERCEPT else (fit_slope, MINIMUM_SLOPE_CHANGE)
    phi = reference.dispersion_of("calibration", cell=cell, finding=finding)
    found, usual = fit(now[NEGATIVE], now[POSITIVE]), fit(then[NEGATIVE], then[POSITIVE])
    half, reach = Z * sqrt(phi * found.variance), smallest + Z * sqrt(phi * (found.variance + usual.variance))
    above = found.value >= usual.value
    limit = usual.value + reach if above else usual.value - reach
    verdict = Verdict.BREACHED if abs(found.value - usual.value) > reach else Verdict.WITHIN
    interval = Interval(found.value - half, found.value + half)
    return Measurement(name, found.value, n, interval, limit, verdict, cell=cell, finding=finding)
