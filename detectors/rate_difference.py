"""Rate difference: sensitivity and specificity of two models' decisions on the same films."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.paired import Difference, Pair, by_patient

PSEUDO = 2.0
"""Films added to the table of right and wrong by both, half a film to each of its four cells."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rates:
    """Both rates and their difference."""

    champion: float
    challenger: float
    difference: Difference


def sensitivity_difference(pair: Pair) -> Rates | None:
    """Share of positives flagged, challenger less champion; None without positives. Scores: 1 flagged, 0 not.

    With b and c the films that only one decides rightly, out of n: (c - b) / (n + 2) with variance (b + c + 1 - (c - b)^2 / (n + 2)) / (n + 2)^2,
    times how much more the films of one patient vary together than apart. Half a film in each cell keeps two models that never
    disagreed from looking equal beyond doubt.

    Source:
        Agresti and Min 2005, Statistics in Medicine 24:729; Kish 1965, Survey Sampling, 5.4 (design effect).

    >>> found = sensitivity_difference(Pair.of(np.ones(50), np.repeat([1.0, 0.0], [30, 20]), np.repeat([1.0, 0.0], [35, 15])))
    >>> found.champion, found.challenger, round(found.difference.interval.low, 3), round(found.difference.interval.high, 3)
    (0.6, 0.7, 0.008, 0.185)
    """
    return _difference(pair, pair.weights * pair.truth, pair.champion, pair.challenger)


def specificity_difference(pair: Pair) -> Rates | None:
    """Share of negatives not flagged, challenger less champion; else as `sensitivity_difference`."""
    return _difference(pair, pair.weights * (1 - pair.truth), 1 - pair.champion, 1 - pair.challenger)


def _difference(pair: Pair, weights: Floats, before: Floats, after: Floats) -> Rates | None:
    total = float(weights.sum())
    if total <= 0:
        return None
    films = total**2 / float((weights**2).sum())  # plain films that would say as much
    one, other = (float((weights * right).sum() / total) for right in (before, after))
    discordant = float((weights * np.abs(after - before)).sum() / total) * films
    net, held = (other - one) * films, films + PSEUDO
    variance = (discordant + 1 - net**2 / held) / held**2 * _design_effect(weights * (after - before - (other - one)), pair.groups)
    counted = weights > 0
    found = Difference(net / held, variance, int(counted.sum()), len(np.unique(pair.groups[counted])))
    return Rates(one, other, found)


def _design_effect(residuals: Floats, groups: NDArray[np.int64]) -> float:
    apart = float((residuals**2).sum())
    return max(float((by_patient(residuals, groups) ** 2).sum()) / apart, 1.0) if apart > 0 else 1.0
