"""Average precision from two histograms on the same score bins, with its variance and the error of the bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMALLEST = 1e-12
"""Stands for no films where something is divided by their number."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AveragePrecision:
    """Area under the precision-recall curve by steps, and its variance [...]."""

    value: Floats
    variance: Floats


def flagged_from(histogram: Floats) -> Floats:
    """Count what lies in each bin or above [..., bins]."""
    return np.asarray(np.cumsum(histogram[..., ::-1], axis=-1)[..., ::-1])


def average_precision(negatives: Floats, positives: Floats, scale: Floats | float = 1.0) -> AveragePrecision:
    """Mean over positives of the precision at their own bin: sum_b k_b TP_b / (TP_b + FP_b) / m, TP_b and FP_b at or above bin b.

    Variance by linearisation: each label is taken as Poisson around its expectation, and the derivatives of
    the area by every count are exact. Scores within a bin are ties.

    Args:
        negatives: On ascending score bins [..., bins].
        positives: On the same bins [..., bins]; some.
        scale: Films that one label stands for [..., bins].

    Source:
        Davis and Goadrich 2006 (ICML); Boyd, Eng, Page 2013 (ECML), on intervals.

    >>> found = average_precision(np.array([6.0, 3.0, 1.0]), np.array([1.0, 3.0, 6.0]))
    >>> round(float(found.value), 3), round(float(found.variance), 4)
    (0.772, 0.0157)
    """
    tp, fp = flagged_from(positives), flagged_from(negatives)
    n = np.maximum(tp + fp, SMALLEST)
    m = np.maximum(positives.sum(axis=-1, keepdims=True), SMALLEST)
    precision = tp / n
    value = (positives * precision).sum(axis=-1, keepdims=True) / m
    by_positive = (precision + np.cumsum(positives * fp / n**2, axis=-1) - value) / m
    by_negative = np.cumsum(positives * tp / n**2, axis=-1) / m
    variance = (scale * (positives * by_positive**2 + negatives * by_negative**2)).sum(axis=-1)
    return AveragePrecision(value[..., 0], variance)


def order_bound(negatives: Floats, positives: Floats) -> Floats:
    """By how much average precision may change with the order of the scores within their bins [...].

    >>> round(float(order_bound(np.array([6.0, 3.0, 1.0]), np.array([1.0, 3.0, 6.0]))), 3)
    0.298
    """
    tp, fp = flagged_from(positives), flagged_from(negatives)
    m = np.maximum(positives.sum(axis=-1), SMALLEST)
    precision = tp / np.maximum(tp + fp, SMALLEST)
    best = tp / np.maximum(tp + fp - negatives, SMALLEST)
    first = tp - positives + np.minimum(positives, 1.0)
    worst = first / np.maximum(first + fp, SMALLEST)
    return np.asarray(np.maximum(positives * (best - precision), positives * (precision - worst)).sum(axis=-1) / m)
