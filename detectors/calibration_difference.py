"""Calibration difference: how far two models' logits lie from the line on which the truth follows them, on the same films."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from detectors.paired import Difference, Pair, difference

ROUNDS, SETTLED = 100, 1e-10
RIDGE = 1e-6
"""Keeps the fit finite where a score separates the classes; in units of a film."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lines:
    """Calibration of both: slope (1 is perfect), calibration-in-the-large (0 is perfect), and the differences of their distances from perfect.

    slope: the challenger's own, with its variance.
    slope_error, intercept_error: |slope - 1| and |intercept|, challenger less champion; less is better.
    """

    champion_slope: float
    challenger_slope: float
    champion_intercept: float
    challenger_intercept: float
    slope: Difference
    slope_error: Difference
    intercept_error: Difference


def calibration_difference(pair: Pair) -> Lines:
    """Compare calibration; scores are logits of calibrated probabilities.

    Slope: b in log odds(y) = a' + b score; in the large: a in log odds(y) = a + score. Each is a maximum likelihood estimate, so a film's influence
    on it is the inverse information times its score residual; the difference has the difference of the influences, summed by patient, and no
    resampling is needed. Near perfect calibration the distance has a kink, where this errs to the side of a larger variance.

    Raises:
        ValueError: Fewer than two positives or negatives.

    Source:
        Cox 1958, Biometrika 45:562; Van Calster et al. 2019, BMC Medicine 17:230; Hampel 1974 and Huber 1967 (influence, sandwich).

    >>> rng = np.random.default_rng(0)
    >>> logits = rng.normal(size=4000)
    >>> truth = (rng.random(4000) < expit(logits)).astype(float)
    >>> found = calibration_difference(Pair.of(truth, 2 * logits + 1, logits))
    >>> round(found.champion_slope, 1), round(found.challenger_slope, 1), found.slope_error.interval.high < 0
    (0.5, 1.0, True)
    """
    up = pair.weights * pair.truth
    if min((up > 0).sum(), (pair.truth < 1).sum()) <= 1:
        raise ValueError("calibration needs two positives and two negatives")
    (one, moved), (other, moved_other) = (_fit(pair, scores) for scores in (pair.champion, pair.challenger))
    groups = pair.groups
    errors = [
        difference(
            abs(other[k] - perfect) - abs(one[k] - perfect),
            np.sign(other[k] - perfect) * moved_other[k] - np.sign(one[k] - perfect) * moved[k],
            groups,
        )
        for k, perfect in enumerate((1.0, 0.0))
    ]
    return Lines(one[0], other[0], one[1], other[1], difference(other[0], moved_other[0], groups), errors[0], errors[1])


def _fit(pair: Pair, scores: Floats) -> tuple[tuple[float, float], tuple[Floats, Floats]]:
    """Slope and calibration-in-the-large, and what each film adds to their errors."""
    line, moved = _newton(np.stack([np.ones_like(scores), scores]), np.zeros_like(scores), pair)
    shift, pushed = _newton(np.ones((1, len(scores))), scores, pair)
    return (float(line[1]), float(shift[0])), (moved[1], pushed[0])


def _newton(design: Floats, offset: Floats, pair: Pair) -> tuple[Floats, Floats]:
    """Coefficients of a weighted logistic regression of soft labels, and influence values [coefficients, n]."""
    beta = np.zeros(len(design))
    reached = _likelihood(beta, design, offset, pair)
    for _ in range(ROUNDS):
        p = expit(offset + beta @ design)
        step = np.linalg.solve(_information(design, p, pair), design @ (pair.weights * (pair.truth - p)) - RIDGE * beta)
        while (tried := _likelihood(beta + step, design, offset, pair)) < reached - SETTLED and np.abs(step).max() > SETTLED:
            step = step / 2
        beta, reached = beta + step, tried
        if np.abs(step).max() <= SETTLED:
            break
    p = expit(offset + beta @ design)
    return beta, np.linalg.solve(_information(design, p, pair), design * (pair.weights * (pair.truth - p)))


def _likelihood(beta: Floats, design: Floats, offset: Floats, pair: Pair) -> float:
    logits = offset + beta @ design
    each = pair.truth * log_expit(logits) + (1 - pair.truth) * log_expit(-logits)
    return float((pair.weights * each).sum() - RIDGE * (beta**2).sum() / 2)


def _information(design: Floats, p: Floats, pair: Pair) -> Floats:
    return np.asarray((design * (pair.weights * p * (1 - p))) @ design.T + RIDGE * np.eye(len(design)))
