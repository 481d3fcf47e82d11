"""Estimation: what a model's performance would be, from its scores and what these meant in the reference, without a label of the window."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.logistic import Observations, fit_logistic
from detectors.schema import score_centers

Floats = NDArray[np.float64]
STEP = 1e-4
"""Of the numerical derivatives by the calibrator's coefficients."""
SMALLEST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Calibrator:
    """What scores meant in the reference: log odds of the truth = intercept + slope * score, and how surely that is known [2, 2]."""

    coefficients: Floats
    covariance: Floats

    @classmethod
    def of(cls, negatives: Floats, positives: Floats, scale: Floats, dispersion: float) -> Calibrator:
        """Fit it to the reference's films by score bin; both classes have some."""
        total = negatives + positives
        filled = np.flatnonzero(total > 0)
        score = score_centers()[filled]
        design = np.stack([np.ones_like(score), score])
        rows = Observations(np.zeros(len(filled), dtype=np.int64), 1, design, np.zeros_like(score), total[filled], positives[filled])
        beta, covariance = fit_logistic(rows)
        worth = float((total * scale).sum() / total.sum())
        return cls(beta[0], covariance[0] * worth * dispersion)

    def probabilities(self, odds: float = 0.0) -> Floats:
        """Probability of the finding at each score bin, at log odds of prevalence moved by `odds` [1000]."""
        return np.asarray(expit(self.coefficients[0] + odds + self.coefficients[1] * score_centers()))


@dataclass(frozen=True, slots=True)
class Estimated:
    """A rate that is expected, and its standard error as a forecast of what labels will show."""

    value: float
    error: float


def estimate_rates(
    calibrator: Calibrator, scores: Floats, threshold: float, odds: float = 0.0, dispersion: float = 1.0
) -> dict[str, Estimated]:
    """Expected sensitivity, specificity and predictive values at a threshold, and AUROC (CBPE).

    A film with score s is positive with the probability c(s) that the reference gives it. So of n_b films in bin b n_b c_b are positive, and
    every rate follows from these two histograms. After a shift of prevalence the log odds of c move by that of the prevalence (`odds`).
    Standard errors: chance of the labels given c, and the calibrator's own uncertainty, times phi.

    Args:
        calibrator: Of the reference.
        scores: All films of the window by score bin; some.
        threshold: Operating point, a logit.
        odds: Log odds of the window's prevalence less that of the reference; 0 where it did not move.
        dispersion: phi.

    Source:
        Garg et al. 2022 (ICLR); NannyML documentation, CBPE; Saerens et al. 2002, Neural Computation 14:21 (change of prior).

    >>> films = 1000 * np.exp(-((score_centers() + 2) ** 2) / 8)
    >>> exact = Calibrator(np.array([0.0, 1.0]), np.zeros((2, 2)))
    >>> [round(estimate_rates(exact, films, 0.0, odds)["sensitivity"].value, 2) for odds in (0.0, 1.0)]
    [0.5, 0.39]
    """
    flagged = score_centers() >= threshold
    here = _rates(scores, calibrator.probabilities(odds), flagged)
    moved = [
        _rates(scores, Calibrator(calibrator.coefficients + step, calibrator.covariance).probabilities(odds), flagged)
        for step in np.eye(2) * STEP
    ]
    found = {}
    for name, (value, spread) in here.items():
        slope = np.array([(other[name][0] - value) / STEP for other in moved])
        found[name] = Estimated(value, sqrt(max(dispersion * spread + float(slope @ calibrator.covariance @ slope), 0.0)))
    return found


def _rates(scores: Floats, c: Floats, flagged: NDArray[np.bool_]) -> dict[str, tuple[float, float]]:
    """Each rate with its variance by chance of the labels."""
    positive, negative, coin = scores * c, scores * (1 - c), scores * c * (1 - c)
    tp, fn = float(positive[flagged].sum()), float(positive[~flagged].sum())
    fp, tn = float(negative[flagged].sum()), float(negative[~flagged].sum())
    above, below = float(coin[flagged].sum()), float(coin[~flagged].sum())

    def share(hits: float, misses: float) -> tuple[float, float]:
        total = max(hits + misses, SMALLEST)
        value = hits / total
        return value, ((1 - value) ** 2 * above + value**2 * below) / total**2

    order = np.cumsum(negative) - negative / 2
    wins = order / max(fp + tn, SMALLEST)
    losses = (tp + fn - np.cumsum(positive) + positive / 2) / max(tp + fn, SMALLEST)
    area = float((positive * wins).sum()) / max(tp + fn, SMALLEST)
    by_label = (wins - area) / max(tp + fn, SMALLEST) - (losses - area) / max(fp + tn, SMALLEST)
    return {
        "sensitivity": share(tp, fn),
        "specificity": (tn / max(tn + fp, SMALLEST), share(fp, tn)[1]),
        "positive_predictive_value": (tp / max(tp + fp, SMALLEST), above / max(tp + fp, SMALLEST) ** 2),
        "negative_predictive_value": (tn / max(tn + fn, SMALLEST), below / max(tn + fn, SMALLEST) ** 2),
        "auroc": (area, float((coin * by_label**2).sum())),
    }


def prior_shift(before: float, now: float) -> float:
    """Log odds by which a prevalence moved."""
    held = np.clip([before, now], 1e-6, 1 - 1e-6)
    return float(logit(held[1]) - logit(held[0]))
