"""Calibration line: how far the log odds of the truth follow the model's logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.intervals import Z
from detectors.logistic import Observations, fit_logistic
from detectors.masses import Masses, masses_of
from detectors.measurement import Measurement
from detectors.placed import placed, spread_out
from detectors.readings import Readings
from detectors.reference import REFERENCES_HELD, Reference
from detectors.schema import score_centers
from detectors.tally import Tally

INTERCEPT, SLOPE = "calibration_intercept", "calibration_slope"
EVENTS_NEEDED = {INTERCEPT: 50, SLOPE: 100}
"""Positives and negatives, each."""
MINIMUM_SLOPE_CHANGE = 0.2

Counts = NDArray[np.int64] | NDArray[np.float64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient and its variance, before dispersion."""

    value: float
    variance: float


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """A coefficient of each place and its variance, before dispersion; NaN where there are too few events [places]."""

    value: Floats
    variance: Floats


def calibration_line(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure calibration-in-the-large and slope, for every finding and cell; either direction breaches.

    calibration_intercept: a in log odds(y) = a + score, by logistic regression with the score as offset; 0 is perfect, positive
    means that the truth is more frequent than the model says. calibration_slope: b in log odds(y) = a' + b score; 1 is perfect, below
    1 the model is too sure of itself. Over all films as far as they were read (masses.py): weighted maximum likelihood by Newton's method
    on the score bins (bin centers; a bin is 0.032 logits wide, 0.256 where labels are soft or weighted). Variance I^-1 M I^-1, with M
    the information in which each bin counts the films that one of its labels stands for once more; I^-1 where every film has a label;
    times phi. The limit is the reference's own value, plus the smallest change worth a verdict (the plan's odds ratio; 0.2 for the
    slope), plus z standard errors of window and reference together; on the side of the value.

    Returns:
        Two measurements a finding and cell; `insufficient` below 50 (slope 100) positives or negatives. n: labels.

    Source:
        Cox 1958, Biometrika 45:562; Van Calster et al. 2019, BMC Medicine 17:230; Binder 1983, International Statistical Review 51:279
        (weighted likelihood).
    """
    now = masses_of(reference.schema, window, reference.schema.findings, reference.cells)
    phi = np.array([reference.dispersion_of("calibration", cell=cell, finding=finding) for finding, cell in now.places])
    return Readings.joined(_judge(reference, now, name, phi) for name in EVENTS_NEEDED)


def fit_intercept(negatives: Counts, positives: Counts) -> Estimate:
    """Intercept of the truth's log odds over the score, both classes as histograms on the score bins.

    >>> centers = score_centers()
    >>> counts = 1000.0 * np.exp(-(centers**2) / 8)
    >>> moved = 1 / (1 + np.exp(-(centers + 0.4)))
    >>> round(fit_intercept(np.rint(counts * (1 - moved)), np.rint(counts * moved)).value, 2)
    0.4
    """
    value, variance = _fit(INTERCEPT, negatives[None], positives[None], np.ones((1, len(negatives))))
    return Estimate(float(value[0]), float(variance[0]))


def fit_slope(negatives: Counts, positives: Counts) -> Estimate:
    """Slope of the truth's log odds over the score, both classes as histograms on the score bins."""
    value, variance = _fit(SLOPE, negatives[None], positives[None], np.ones((1, len(negatives))))
    return Estimate(float(value[0]), float(variance[0]))


def _fit(name: str, negatives: Counts, positives: Counts, scale: Floats) -> tuple[Floats, Floats]:
    """Fit every row of histograms, all at once, to coefficients and their variances; only filled bins are looked at."""
    problem, bins = np.nonzero(negatives + positives)
    score = score_centers()[bins]
    by_name = {INTERCEPT: (np.ones((1, len(bins))), score), SLOPE: (np.stack([np.ones_like(score), score]), np.zeros_like(score))}
    design, offset = by_name[name]
    n, k = ((negatives + positives)[problem, bins].astype(np.float64), positives[problem, bins].astype(np.float64))
    rows = Observations(problem, len(negatives), design, offset, n, k)
    beta, covariance = fit_logistic(rows)
    p = expit(offset + (design * beta[problem].T).sum(axis=0))
    weighed = design * (n * scale[problem, bins] * p * (1 - p))
    scatter = np.moveaxis(np.stack([rows.sums(weighed * other) for other in design]), 2, 0)
    spread = covariance @ scatter @ covariance
    return beta[:, -1], spread[:, -1, -1]


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference, name: str) -> Fits:
    """What the reference itself shows."""
    return _fits(masses_of(reference.schema, reference.tallies, reference.schema.findings, reference.cells), name)


def _fits(masses: Masses, name: str) -> Fits:
    """Fit every place that has events enough."""
    rows, count = np.flatnonzero(np.rint(masses.events.min(axis=1)) >= EVENTS_NEEDED[name]), len(masses.places)
    if not rows.size:
        return Fits(*np.full((2, count), np.nan))
    found = _fit(name, masses.negatives[rows], masses.positives[rows], masses.scale[rows])
    return Fits(*(spread_out(one, rows, count) for one in found))


def _judge(reference: Reference, now: Masses, name: str, phi: Floats) -> Readings:
    usual, found, needed = _usual(reference, name), _fits(now, name), EVENTS_NEEDED[name]
    smallest = log(reference.plan.minimum_odds_ratio) if name == INTERCEPT else MINIMUM_SLOPE_CHANGE
    half, reach = Z * np.sqrt(phi * found.variance), smallest + Z * np.sqrt(phi * (found.variance + usual.variance))
    known = np.isfinite(found.value + usual.value)
    value = np.where(known, found.value, np.nan)
    reason = f"{needed} positives and {needed} negatives needed, in the window and in the reference"
    return placed(
        name,
        now.places,
        now.labels,
        ["" if said else why or reason for said, why in zip(known.tolist(), now.reasons, strict=True)],
        value=value,
        interval=(value - half, value + half),
        limit=np.where(value >= usual.value, usual.value + reach, usual.value - reach),
        breached=np.abs(value - usual.value) > reach,
    )
