"""Calibration curve: what share of films is positive at each score, as a smooth line, and how far it lies from what the scores say."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.intervals import Z
from detectors.logistic import Observations, fit_logistic
from detectors.schema import score_centers

EVENTS_NEEDED = 200
"""Positives and negatives, each."""
KNOTS = (0.05, 0.35, 0.65, 0.95)
"""Quantiles of the scores at which the line may bend; beyond the outer ones it is straight on the logit scale."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationCurve:
    """The line at every score that occurs, with its band, and its mean, median and ninth decile distance from the scores' own probability.

    score: logits. share, low, high: of positives, by the line. ici, e50, e90: over films. chance: the ici that a perfect model of this n shows on average.
    """

    score: Floats
    share: Floats
    low: Floats
    high: Floats
    ici: float
    e50: float
    e90: float
    chance: float


def calibration_curve(negatives: Floats, positives: Floats, scale: Floats | float = 1.0, dispersion: float = 1.0) -> CalibrationCurve:
    """Fit a logistic line with a restricted cubic spline of four knots over the score.

    Args:
        negatives: Films by score bin; 200 or more.
        positives: The same.
        scale: Films that one label stands for, in each bin.
        dispersion: phi.

    Source:
        Austin and Steyerberg 2019, Statistics in Medicine 38:4051 (ICI, E50, E90); Harrell 2015, Regression Modeling Strategies, 2.4.5.

    >>> films = 4000 * np.exp(-(score_centers()**2) / 8)
    >>> moved = calibration_curve(films * (1 - expit(score_centers() + 0.5)), films * expit(score_centers() + 0.5))
    >>> round(moved.ici, 3), round(moved.e50, 3), round(moved.e90, 3)
    (0.075, 0.082, 0.123)
    """
    total = negatives + positives
    filled = np.flatnonzero(total > 0)
    score, n, k = score_centers()[filled], total[filled], positives[filled]
    share_of_films = n / n.sum()
    design = _spline(score, np.interp(KNOTS, np.cumsum(share_of_films) - share_of_films / 2, score))
    beta, covariance = fit_logistic(Observations(np.zeros(len(filled), dtype=np.int64), 1, design, np.zeros_like(score), n, k))
    worth = float((total * scale).sum() / total.sum())
    line = beta[0] @ design
    error = np.sqrt(np.maximum(dispersion * worth * np.einsum("ir,ij,jr->r", design, covariance[0], design), 0.0))
    share = expit(line)
    distance = np.abs(share - expit(score))
    e50, e90 = _quantiles(distance, share_of_films, (0.5, 0.9))
    chance = float((share_of_films * share * (1 - share) * error).sum()) * sqrt(2 / pi)
    band = expit(line - Z * error), expit(line + Z * error)
    return CalibrationCurve(score, share, *band, float((share_of_films * distance).sum()), e50, e90, chance)


def _spline(score: Floats, knots: Floats) -> Floats:
    """Basis of a restricted cubic spline [4, rows]: constant, score, and two bends; fewer where knots coincide."""
    first, last, before = knots[0], knots[-1], knots[-2]
    columns = [np.ones_like(score), score]
    if np.diff(knots).min() > 0:
        cubes = [np.maximum(score - knot, 0.0) ** 3 for knot in knots]
        columns += [
            (cubes[at] - cubes[-2] * (last - knots[at]) / (last - before) + cubes[-1] * (before - knots[at]) / (last - before))
            / (last - first) ** 2
            for at in range(len(knots) - 2)
        ]
    return np.stack(columns)


def _quantiles(values: Floats, shares: Floats, levels: tuple[float, ...]) -> list[float]:
    order = np.argsort(values)
    reached = np.searchsorted(np.cumsum(shares[order]), levels)
    return [float(values[order[min(at, len(order) - 1)]]) for at in reached.tolist()]
