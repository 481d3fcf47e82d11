"""AUROC difference: DeLong's paired test, for films that come in patients and labels that weigh."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from detectors.paired import Difference, Pair, by_patient

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Areas:
    """Both areas and their difference; p: two-sided, of no difference."""

    champion: float
    challenger: float
    difference: Difference
    p: float


def auroc_difference(pair: Pair) -> Areas:
    """Compare the areas under two ROC curves on the same films; scores of any monotone kind.

    A film's placement is the share of the other class that it stands on the right side of. The area is their mean, the variance of the
    difference of areas comes from differences of placements, positives and negatives apart, each summed by patient: without repeated
    patients this is DeLong's, with them Obuchowski's. A soft label stands for a positive and a negative of that weight.

    Raises:
        ValueError: Fewer than two positives or negatives.

    Source:
        DeLong, DeLong, Clarke-Pearson 1988, Biometrics 44:837; Sun and Xu 2014, IEEE Signal Processing Letters 21:1389 (by ranks);
        Obuchowski 1997, Biometrics 53:567 (clusters).

    >>> truth = np.array([1, 1, 1, 0, 0, 0.0])
    >>> found = auroc_difference(Pair.of(truth, np.array([3, 1, 2, 0, 2, 1.0]), np.array([3, 2, 2, 0, 1, 1.0])))
    >>> round(found.champion, 3), round(found.challenger, 3), round(found.p, 2)
    (0.778, 1.0, 0.29)
    """
    up, down, groups = pair.weights * pair.truth, pair.weights * (1 - pair.truth), pair.groups
    if min((up > 0).sum(), (down > 0).sum()) <= 1:
        raise ValueError("an area needs two positives and two negatives")
    first, second = (_placements(scores, up, down) for scores in (pair.champion, pair.challenger))
    one, other = (float((up * above).sum() / up.sum()) for above, _ in (first, second))
    value = other - one
    positive = up / up.sum() * (second[0] - first[0] - value) * _correction(up, groups)
    negative = down / down.sum() * (second[1] - first[1] - value) * _correction(down, groups)
    sums = by_patient(positive + negative, groups)
    found = Difference(value, float((sums**2).sum()), len(groups), len(sums))
    p = 1.0 if found.variance <= 0 else 2 * float(ndtr(-abs(value) / found.error))
    return Areas(one, other, found, p)


def _placements(scores: Floats, up: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Of every film, the share of negatives below it and of positives above it; a tie counts half."""
    _, rank = np.unique(scores, return_inverse=True)
    positives, negatives = np.bincount(rank, up), np.bincount(rank, down)
    below = (np.cumsum(negatives) - negatives / 2) / negatives.sum()
    above = 1 - (np.cumsum(positives) - positives / 2) / positives.sum()
    return below[rank], above[rank]


def _correction(weights: Floats, groups: NDArray[np.int64]) -> float:
    """sqrt(m / (m - 1)) for m patients of this class; fewer where a few weigh most."""
    sums = by_patient(weights, groups)
    m = float(sums.sum() ** 2 / (sums**2).sum())
    return sqrt(m / max(m - 1, 0.5))
