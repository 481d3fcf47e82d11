"""Brier difference: whose probabilities lie closer to what happened, on the same films."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.paired import Difference, Pair, difference


@dataclass(frozen=True, slots=True)
class Briers:
    """Both scores and their difference; less is better."""

    champion: float
    challenger: float
    difference: Difference


def brier_difference(pair: Pair) -> Briers:
    """Mean of (p - y)^2, challenger less champion; scores are probabilities. A soft label y is held against as it is.

    The loss of each film is a mean's own influence value, so the paired variance needs no resampling.

    Raises:
        ValueError: No film.

    Source:
        Brier 1950, Monthly Weather Review 78:1; Redelmeier, Bloch, Hickam 1991, J Clin Epidemiol 44:1141 (paired comparison).

    >>> found = brier_difference(Pair.of(np.array([1, 0, 1, 0.0]), np.array([0.6, 0.4, 0.6, 0.4]), np.array([0.9, 0.1, 0.8, 0.2])))
    >>> round(found.champion, 3), round(found.challenger, 3), round(found.difference.interval.high, 3)
    (0.16, 0.025, -0.118)
    """
    total = float(pair.weights.sum())
    if total <= 0:
        raise ValueError("a mean needs a film")
    before, after = (pair.champion - pair.truth) ** 2, (pair.challenger - pair.truth) ** 2
    one, other = (float((pair.weights * loss).sum() / total) for loss in (before, after))
    influence = pair.weights / total * (after - before - (other - one))
    return Briers(one, other, difference(other - one, np.asarray(influence), pair.groups))
