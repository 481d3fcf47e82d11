"""Worklist: which films to have read, and with which probability each was drawn, so that what was read stays a fair sample.

Of n reads some are spent on a floor that any film may be drawn by, so that nothing stays unseen for good; some on films behind an open
alarm; the others where the answer is most in doubt: in proportion to sqrt(p (1 - p)) of the expected probability p of a positive, which is
Neyman's allocation, the one with the least variance of the total. Each film's inclusion probability is the sum of the three; one over it is
the weight of its label (verification.py).

Sources: Neyman 1934, Journal of the Royal Statistical Society 97:558; Madow 1949, Annals of Mathematical Statistics 20:333
(systematic sampling with unequal probabilities, exact in size and probabilities).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.schema import READ, SQUARE, SQUARED_POSITIVE, WEIGHT, WEIGHTED_POSITIVE, Schema
from detectors.verification import Verified

FLOOR = 0.15
"""Share of the reads that any film has the same chance of."""
BEHIND_ALARM = 0.20
"""Share of the reads for films behind an open alarm, while one is open."""
ROUNDS, SETTLED = 50, 1e-12
PRIOR_LABELS = 4.0
"""Labels that each stratum is granted at the rate of all of them."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Chances:
    """Inclusion probability of each film [n], and what of it is owed to the floor and to an alarm."""

    total: Floats
    floor: Floats
    alarm: Floats


def chances(doubt: Floats, behind: NDArray[np.bool_], reads: int) -> Chances:
    """Give each film its probability of being drawn; they add up to the number of reads.

    Args:
        doubt: sqrt(p (1 - p)) of each film, or a mean of that over findings [n].
        behind: Whether a film lies behind an open alarm [n].
        reads: How many films are to be drawn; all of them where there are no more.

    >>> found = chances(np.array([0.5, 0.1, 0.1, 0.1]), np.array([False, False, False, True]), 2)
    >>> bool(found.total.sum().round(9) == 2), bool(found.total[0] > found.total[3] > found.total[1])
    (True, True)
    """
    n = len(doubt)
    if reads >= n:
        return Chances(np.ones(n), np.full(n, FLOOR), np.zeros(n))
    share = BEHIND_ALARM if behind.any() else 0.0
    floor = np.full(n, FLOOR * reads / n)
    alarm = share * reads * _shares(behind.astype(np.float64))
    return Chances(_capped(floor + alarm + (1 - FLOOR - share) * reads * _shares(doubt), reads), floor, alarm)


def draw(probabilities: Floats, dice: NDArray[np.uint64], start: float) -> NDArray[np.int64]:
    """Draw films with these probabilities, as many as they add up to.

    Films are laid end to end in the order of their dice, each as long as its probability; those are drawn in which a point start, start + 1,
    start + 2, ... falls. The same dice and start draw the same films.

    Args:
        probabilities: Inclusion probability of each film [n].
        dice: A random number for each film [n].
        start: Between 0 and 1, random too.
    """
    order = np.argsort(dice, kind="stable")
    ends = np.cumsum(probabilities[order])
    count = round(float(ends[-1])) if len(ends) else 0
    places = np.searchsorted(ends, np.arange(count) + start, side="right")
    return np.unique(order[np.minimum(places, len(order) - 1)]) if count else np.zeros(0, dtype=np.int64)


def expected_positive(schema: Schema, known: Verified, finding: str, scores: NDArray[np.floating[Any]]) -> Floats:
    """Expect of each film what was found in its stratum before; strata that nobody read are expected to be like all of them [n]."""
    weight, positive = known.readings[0, WEIGHT], known.readings[0, WEIGHTED_POSITIVE]
    overall = (positive.sum() + 0.5) / (weight.sum() + 1)
    rates = (positive + PRIOR_LABELS * overall) / (weight + PRIOR_LABELS)
    return np.asarray(np.clip(rates, 1e-3, 1 - 1e-3)[strata_of(schema, finding, scores)])


def strata_of(schema: Schema, finding: str, scores: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Stratum of each film by its score [n]."""
    return np.searchsorted(schema.strata[schema.findings.index(finding)], scores, side="right").astype(np.int64)


def after_reading(known: Verified, strata: NDArray[np.int64], probabilities: Floats, positive: Floats, stands_for: float = 1.0) -> Verified:
    """What would be known once films drawn with these probabilities were read, in expectation (row 0 of `known`).

    Args:
        known: What is known now.
        strata: Stratum of each film that may be drawn [n].
        probabilities: With which it is drawn [n].
        positive: Expected probability of its being positive [n].
        stands_for: Films that each of these stands for, where they are a random part of those that may be drawn.
    """
    readings, audited = known.readings.copy(), known.audited.copy()
    count = known.films.shape[1]
    square = 1 / probabilities
    for kind, each in (
        (READ, probabilities),
        (WEIGHT, np.ones_like(positive)),
        (WEIGHTED_POSITIVE, positive),
        (SQUARE, square),
        (SQUARED_POSITIVE, square * positive),
    ):
        readings[0, kind] += stands_for * np.bincount(strata, weights=each, minlength=count)
    audited[0] += stands_for * np.bincount(strata, weights=probabilities, minlength=count)
    return Verified.summed(known.films, readings, audited, flagged=known.flagged)


def _shares(size: Floats) -> Floats:
    total = float(size.sum())
    return size / total if total > 0 else np.full(len(size), 1 / max(len(size), 1))


def _capped(wanted: Floats, reads: int) -> Floats:
    """Nobody is drawn more than surely: what is over goes to the others, in proportion."""
    probabilities = wanted.copy()
    for _ in range(ROUNDS):
        sure = probabilities >= 1
        probabilities[sure] = 1.0
        rest = reads - float(sure.sum())
        open_sum = float(probabilities[~sure].sum())
        if open_sum <= 0 or abs(open_sum - rest) < SETTLED:
            break
        probabilities[~sure] *= rest / open_sum
    return np.minimum(probabilities, 1.0)
