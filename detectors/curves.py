"""Curves: ROC, precision-recall, decision curve and reliability of one finding, from its two score histograms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.intervals import Z
from detectors.precision import average_precision, flagged_from, order_bound
from detectors.schema import SCORE_BINS, SCORE_RANGE, score_centers

GROUPS = 10
"""Of the reliability curve: as many films in each as the score bins allow."""
DECIDING = (0.005, 0.95)
"""Threshold probabilities of the decision curve."""
WIDTH = 2 * SCORE_RANGE / SCORE_BINS

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """threshold: a logit. low, high: 95 % interval of y. n: plain labels that would say as much."""

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


def curves(negatives: Floats, positives: Floats, scale: Floats | float = 1.0, dispersion: float = 1.0) -> tuple[Curve, ...]:
    """Draw all four of films by score (masses.py); both classes have some. scale: films that one label stands for, at each score.

    >>> centers = score_centers()
    >>> drawn = curves(np.exp(-((centers + 1) ** 2)) * 50, np.exp(-((centers - 1) ** 2)) * 50)
    >>> [(one.name, None if one.area is None else round(one.area, 2)) for one in drawn]
    [('roc', 0.98), ('precision_recall', 0.98), ('decision', None), ('reliability', None)]
    """
    return (
        roc(negatives, positives, scale, dispersion),
        precision_recall(negatives, positives, scale, dispersion),
        decision(negatives, positives, scale, dispersion),
        reliability(negatives, positives, scale, dispersion),
    )


def roc(negatives: Floats, positives: Floats, scale: Floats | float = 1.0, dispersion: float = 1.0) -> Curve:
    """True positive rate over false positive rate, for every threshold at which either changes."""
    edges, fp, tp = _flagged(negatives, positives)
    m, n = tp[0], fp[0]
    worth = np.full(len(tp), m**2 / (positives * scale).sum())
    low, high = _wilson(tp / m, worth, dispersion)
    points = _points(_logits(edges), fp / n, tp / m, low, high, worth)
    bound = float((positives / m * negatives / n).sum() / 2)
    area = float((positives / m * (np.cumsum(negatives) - negatives / 2) / n).sum())
    return Curve("roc", "false positive rate", "true positive rate", points, bound, area)


def precision_recall(negatives: Floats, positives: Floats, scale: Floats | float = 1.0, dispersion: float = 1.0) -> Curve:
    """Positive predictive value over sensitivity, for every threshold that flags something."""
    edges, fp, tp = _flagged(negatives, positives)
    some = tp + fp > 0
    edges, fp, tp = edges[some], fp[some], tp[some]
    total = flagged_from((negatives + positives) * scale)[np.minimum(edges, SCORE_BINS - 1)]
    worth = (tp + fp) ** 2 / total
    low, high = _wilson(tp / (tp + fp), worth, dispersion)
    points = _points(_logits(edges), tp / tp[0], tp / (tp + fp), low, high, worth)
    area, bound = float(average_precision(negatives, positives).value), float(order_bound(negatives, positives))
    return Curve("precision_recall", "recall", "precision", points, bound, area)


def decision(negatives: Floats, positives: Floats, scale: Floats | float = 1.0, dispersion: float = 1.0) -> Curve:
    """Net benefit of flagging at each threshold probability p: (TP - p / (1 - p) FP) / n.

    Flagging nothing has 0; flagging everything has prevalence - p / (1 - p) (1 - prevalence), which follows from the reply's counts.
    """
    edges = np.arange(SCORE_BINS + 1)
    edges = edges[(expit(_logits(edges)) >= DECIDING[0]) & (expit(_logits(edges)) <= DECIDING[1])]
    tp, fp, tp_spread, fp_spread = (
        np.append(flagged_from(one), 0.0)[edges] for one in (positives, negatives, positives * scale, negatives * scale)
    )
    n, spread = float(positives.sum() + negatives.sum()), float(((positives + negatives) * scale).sum())
    exchange = np.exp(_logits(edges))
    benefit = (tp - exchange * fp) / n
    variance = (tp_spread + exchange**2 * fp_spread - benefit**2 * spread) / n**2
    half = Z * np.sqrt(dispersion * np.maximum(variance, 0.0))
    points = _points(_logits(edges), expit(_logits(edges)), benefit, benefit - half, benefit + half, np.full(len(edges), n**2 / spread))
    return Curve("decision", "threshold probability", "net benefit", points, 0.0)


def reliability(negatives: Floats, positives: Floats, scale: Floats | float = 1.0, dispersion: float = 1.0) -> Curve:
    """Share of positives over mean probability, in groups of about equal size by score; a band by Wilson."""
    total = negatives + positives
    middle = np.cumsum(total) - total / 2
    group = np.clip((middle * GROUPS / total.sum()).astype(np.int64), 0, GROUPS - 1)
    columns = total, positives, total * expit(score_centers()), total * scale
    n, k, expected, spread = (np.bincount(group, one, GROUPS).astype(np.float64) for one in columns)
    some = n > 0
    n, k, expected, worth = n[some], k[some], expected[some], n[some] ** 2 / spread[some]
    low, high = _wilson(k / n, worth, dispersion)
    starts = np.array([np.flatnonzero((group == at) & (total > 0))[0] for at in np.flatnonzero(some)])
    points = _points(_logits(starts), expected / n, k / n, low, high, worth)
    return Curve("reliability", "mean probability", "share of positives", points, WIDTH / 8)


def _flagged(negatives: Floats, positives: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Edges at which a count changes, from flagging all to flagging nothing, with false and true positives at or above each."""
    fp, tp = (np.append(flagged_from(one), 0.0) for one in (negatives, positives))
    filled = np.flatnonzero(negatives + positives)
    edges = np.concatenate([[0], filled[1:], [SCORE_BINS]])
    return edges, fp[edges], tp[edges]


def _logits(edges: NDArray[np.int64]) -> Floats:
    return np.asarray(edges * WIDTH - SCORE_RANGE)


def _wilson(rate: Floats, n: Floats, dispersion: float) -> tuple[Floats, Floats]:
    """Wilson's interval of many rates at once, as in intervals.py."""
    effective = n / dispersion
    shrink = 1 + Z**2 / effective
    center = (rate + Z**2 / (2 * effective)) / shrink
    half = Z * np.sqrt(rate * (1 - rate) / effective + Z**2 / (4 * effective**2)) / shrink
    return np.where(rate <= 0, 0.0, np.maximum(0.0, center - half)), np.where(rate >= 1, 1.0, np.minimum(1.0, center + half))


def _points(*columns: Floats) -> tuple[Point, ...]:
    return tuple(Point(*row) for row in np.stack(columns, axis=1).round(6).tolist())
