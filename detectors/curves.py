"""Curves: ROC, precision-recall, decision curve and reliability of one finding, from its two score histograms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.intervals import Z
from detectors.precision import average_precision, order_bound
from detectors.schema import SCORE_BINS, SCORE_RANGE, score_centers

GROUPS = 10
"""Of the reliability curve: as many films in each as the score bins allow."""
DECIDING = (0.005, 0.95)
"""Threshold probabilities of the decision curve."""
WIDTH = 2 * SCORE_RANGE / SCORE_BINS

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """threshold: a logit. low, high: 95 % interval of y. n: films that y is a share of."""

    threshold: float
    x: float
    y: float
    low: float
    high: float
    n: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve, its axes in words, and what it amounts to.

    area: under the curve; None where an area says nothing. bound: how far the area (or, for reliability, x) may lie from that of raw
    scores, because scores were counted in bins of 0.032 logits.
    """

    name: str
    x: str
    y: str
    points: tuple[Point, ...]
    bound: float
    area: float | None = None


def curves(negatives: Floats, positives: Floats, dispersion: float = 1.0) -> tuple[Curve, ...]:
    """Draw all four; counts may be weights, and both classes have some.

    >>> centers = score_centers()
    >>> drawn = curves(np.exp(-((centers + 1) ** 2)) * 50, np.exp(-((centers - 1) ** 2)) * 50)
    >>> [(one.name, None if one.area is None else round(one.area, 2)) for one in drawn]
    [('roc', 0.98), ('precision_recall', 0.98), ('decision', None), ('reliability', None)]
    """
    return (
        roc(negatives, positives, dispersion),
        precision_recall(negatives, positives, dispersion),
        decision(negatives, positives, dispersion),
        reliability(negatives, positives, dispersion),
    )


def roc(negatives: Floats, positives: Floats, dispersion: float = 1.0) -> Curve:
    """True positive rate over false positive rate, for every threshold at which either changes."""
    edges, fp, tp = _flagged(negatives, positives)
    m, n = tp[0], fp[0]
    low, high = _wilson(tp, np.full(len(tp), m), dispersion)
    points = _points(_logits(edges), fp / n, tp / m, low, high, np.full(len(tp), m))
    bound = float((positives / m * negatives / n).sum() / 2)
    area = float((positives / m * (np.cumsum(negatives) - negatives / 2) / n).sum())
    return Curve("roc", "false positive rate", "true positive rate", points, bound, area)


def precision_recall(negatives: Floats, positives: Floats, dispersion: float = 1.0) -> Curve:
    """Positive predictive value over sensitivity, for every threshold that flags something."""
    edges, fp, tp = _flagged(negatives, positives)
    some = tp + fp > 0
    edges, fp, tp = edges[some], fp[some], tp[some]
    low, high = _wilson(tp, tp + fp, dispersion)
    points = _points(_logits(edges), tp / tp[0], tp / (tp + fp), low, high, tp + fp)
    area, bound = float(average_precision(negatives, positives).value), float(order_bound(negatives, positives))
    return Curve("precision_recall", "recall", "precision", points, bound, area)


def decision(negatives: Floats, positives: Floats, dispersion: float = 1.0) -> Curve:
    """Net benefit of flagging at each threshold probability p: (TP - p / (1 - p) FP) / n.

    Flagging nothing has 0; flagging everything has prevalence - p / (1 - p) (1 - prevalence), which follows from the reply's counts.
    """
    edges = np.arange(SCORE_BINS + 1)
    edges = edges[(expit(_logits(edges)) >= DECIDING[0]) & (expit(_logits(edges)) <= DECIDING[1])]
    tp, fp = (np.append(np.cumsum(one[::-1])[::-1], 0.0)[edges] for one in (positives, negatives))
    n = float(positives.sum() + negatives.sum())
    exchange = np.exp(_logits(edges))
    benefit = (tp - exchange * fp) / n
    spread = (tp + exchange**2 * fp) / n - benefit**2
    half = Z * np.sqrt(dispersion * np.maximum(spread, 0.0) / n)
    points = _points(_logits(edges), expit(_logits(edges)), benefit, benefit - half, benefit + half, np.full(len(edges), n))
    return Curve("decision", "threshold probability", "net benefit", points, 0.0)


def reliability(negatives: Floats, positives: Floats, dispersion: float = 1.0) -> Curve:
    """Share of positives over mean probability, in groups of about equal size by score; a band by Wilson."""
    total = negatives + positives
    middle = np.cumsum(total) - total / 2
    group = np.clip((middle * GROUPS / total.sum()).astype(np.int64), 0, GROUPS - 1)
    n, k, expected = (np.bincount(group, one, GROUPS).astype(np.float64) for one in (total, positives, total * expit(score_centers())))
    some = n > 0
    n, k, expected = n[some], k[some], expected[some]
    low, high = _wilson(k, n, dispersion)
    starts = np.array([np.flatnonzero((group == at) & (total > 0))[0] for at in np.flatnonzero(some)])
    points = _points(_logits(starts), expected / n, k / n, low, high, n)
    return Curve("reliability", "mean probability", "share of positives", points, WIDTH / 8)


def _flagged(negatives: Floats, positives: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Edges at which a count changes, from flagging all to flagging nothing, with false and true positives at or above each."""
    fp, tp = (np.append(np.cumsum(one[::-1])[::-1], 0.0) for one in (negatives, positives))
    filled = np.flatnonzero(negatives + positives)
    edges = np.concatenate([[0], filled[1:], [SCORE_BINS]])
    return edges, fp[edges], tp[edges]


def _logits(edges: NDArray[np.int64]) -> Floats:
    return np.asarray(edges * WIDTH - SCORE_RANGE)


def _wilson(k: Floats, n: Floats, dispersion: float) -> tuple[Floats, Floats]:
    """Wilson's interval of many rates at once, as in intervals.py."""
    rate, effective = k / n, n / dispersion
    shrink = 1 + Z**2 / effective
    center = (rate + Z**2 / (2 * effective)) / shrink
    half = Z * np.sqrt(rate * (1 - rate) / effective + Z**2 / (4 * effective**2)) / shrink
    return np.where(k <= 0, 0.0, np.maximum(0.0, center - half)), np.where(k >= n, 1.0, np.minimum(1.0, center + half))


def _points(*columns: Floats) -> tuple[Point, ...]:
    return tuple(Point(*row) for row in np.stack(columns, axis=1).round(6).tolist())
