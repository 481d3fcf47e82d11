"""Operating point: the threshold that costs least by the plan, at today's prevalence, and what would change; never applied by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.decision_costs import Costs
from detectors.masses import Masses
from detectors.measurement import Interval
from detectors.precision import flagged_from
from detectors.schema import SCORE_BINS, SCORE_RANGE

WIDTH = 2 * SCORE_RANGE / SCORE_BINS
EVENTS_NEEDED = 50
"""Positives and negatives, each."""
DRAWS = 400
SEED = 20_250_101
WORTH_IT = 0.95
"""Share of splits that must save before a change is recommended."""
SMALLEST = 1e-12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """A threshold (logit) and what it does to a thousand films: flagged, positives missed, cost; sensitivity and specificity."""

    threshold: float
    flagged: float
    missed: float
    cost: float
    sensitivity: float
    specificity: float

    @property
    def probability(self) -> float:
        """The threshold as a probability."""
        return float(expit(self.threshold))


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Where the finding operates, where it would cost least, and how sure that is.

    threshold: 95 % interval of the best threshold. saved: 95 % of the splits save this much of a thousand films. sure: share of splits that
    save anything.
    change: whether a change is recommended.
    """

    deployed: Point
    best: Point
    prevalence: float
    threshold: Interval
    saved: Interval
    sure: float
    change: bool


def recommend(masses: Masses, costs: Costs, deployed: float, prevalence: float | None = None, dispersion: float = 1.0) -> Recommendation:
    """Find the threshold of least expected cost for one finding in one cell.

    With shares of positives and negatives at or above each bin edge, the cost of a film is c_FN pi (1 - sensitivity) + c_FP (1 - pi) (1 - specificity).
    The least one among a thousand edges flatters itself, so its labels are split in two 400 times (seeded): one half finds its best threshold,
    the other half says what that would have saved it. A change is recommended where it saves in 95 % of the splits.

    Args:
        masses: Of one finding in one cell, of 50 plain positives and negatives or more.
        costs: By the plan.
        deployed: Operating point, a logit.
        prevalence: Of today; that of the labels where it is None.
        dispersion: phi.

    Source:
        Metz 1978, Seminars in Nuclear Medicine 8:283 (operating point by costs and prevalence).
    """
    negatives, positives = masses.scores[0]
    share = float(positives.sum() / (positives.sum() + negatives.sum())) if prevalence is None else prevalence
    edges = np.arange(SCORE_BINS + 1) * WIDTH - SCORE_RANGE
    held = int(np.clip(np.rint((deployed + SCORE_RANGE) / WIDTH), 0, SCORE_BINS))
    weights = costs.miss * share, costs.false_flag * (1 - share)
    here = _Curve.of(negatives[None], positives[None])
    cost = here.cost(*weights)[0]
    best = _flattest(cost)
    rng, spread = np.random.default_rng(SEED), np.maximum(masses.scale[0] * dispersion, SMALLEST)
    halves = [_split(one / spread, rng) for one in (negatives, positives)]
    chosen, judging = (_Curve.of(*(half[side] * spread for half in halves)).cost(*weights) for side in (0, 1))
    bests = np.array([_flattest(one) for one in chosen])
    saved = 1000 * (judging[:, held] - judging[np.arange(DRAWS), bests])
    sure = float((saved > 0).mean())
    return Recommendation(
        _point(deployed, here, held, share, 1000 * cost[held]),
        _point(edges[best], here, best, share, 1000 * cost[best]),
        share,
        Interval(*np.quantile(edges[bests], (0.025, 0.975)).tolist()),
        Interval(*np.quantile(saved, (0.025, 0.975)).tolist()),
        sure,
        sure >= WORTH_IT,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """Sensitivity and false positive rate at every bin edge, from flagging all to nothing [rows, edges]."""

    sensitivity: Floats
    false_positives: Floats

    @classmethod
    def of(cls, negatives: Floats, positives: Floats) -> _Curve:
        shares = (
            np.pad(flagged_from(one), ((0, 0), (0, 1))) / np.maximum(one.sum(axis=1, keepdims=True), SMALLEST)
            for one in (positives, negatives)
        )
        return cls(*shares)

    def cost(self, miss: float, false_flag: float) -> Floats:
        return miss * (1 - self.sensitivity) + false_flag * self.false_positives


def _split(labels: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Divide plain labels in two at random [draws, score bins]; a part of a label falls to one side as well."""
    whole = np.floor(labels + rng.random((DRAWS, SCORE_BINS))).astype(np.int64)
    half = rng.binomial(whole, 0.5)
    return half.astype(np.float64), (whole - half).astype(np.float64)


def _flattest(cost: Floats) -> int:
    """Middle of the edges of least cost: between two scores every threshold does the same."""
    least = np.flatnonzero(cost <= cost.min() + SMALLEST)
    return int(least[len(least) // 2])


def _point(threshold: float, curve: _Curve, edge: int, prevalence: float, cost: float) -> Point:
    sensitivity, false_positives = float(curve.sensitivity[0, edge]), float(curve.false_positives[0, edge])
    flagged = prevalence * sensitivity + (1 - prevalence) * false_positives
    return Point(float(threshold), 1000 * flagged, 1000 * prevalence * (1 - sensitivity), float(cost), sensitivity, 1 - false_positives)
