"""Shrinkage: rates of small cells held towards what all cells have in common, by as much as these differ no more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, betaln

from detectors.intervals import CONFIDENCE

CONCENTRATIONS = np.geomspace(2.0, 20_000.0, 41)
"""Of the beta distribution of the cells' rates, in observations that it is worth."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shrunk:
    """Rates after shrinkage with a 95 % interval [cells]."""

    value: Floats
    low: Floats
    high: Floats


def shrink(k: Floats, n: Floats) -> Shrunk:
    """Posterior of each cell's rate under a beta-binomial model whose mean is the pooled rate.

    The concentration is not picked but averaged over, by how likely each makes the cells: no one claims to know how much cells differ. What is
    lent to the smallest cell is uniform between nothing and all beforehand. A cell without observations gets the pooled rate.

    Args:
        k: Hits of each cell, after division by dispersion.
        n: Observations of each cell, after division by dispersion.

    Source:
        Morris 1983, Journal of the American Statistical Association 78:47 (parametric empirical Bayes).

    >>> found = shrink(np.array([80.0, 9.0, 170.0]), np.array([100.0, 10.0, 200.0]))
    >>> found.value.round(2).tolist()
    [0.81, 0.85, 0.85]
    """
    pooled = (k.sum() + 0.5) / (n.sum() + 1)
    a, b = pooled * CONCENTRATIONS[:, None], (1 - pooled) * CONCENTRATIONS[:, None]
    evidence = (betaln(a + k, b + n - k) - betaln(a, b)).sum(axis=1)
    smallest = max(float(n.min()), 1.0)
    evidence += np.log(CONCENTRATIONS / (smallest + CONCENTRATIONS) ** 2)
    weights = np.exp(evidence - evidence.max())[:, None]
    weights /= weights.sum()
    means = (a + k) / (a + b + n)
    lent = (a + b) / (a + b + n)
    variances = means * (1 - means) / (a + b + n + 1) + lent**2 * pooled * (1 - pooled) / (a + b + 1) / max(
        n.sum() ** 2 / max((n**2).sum(), 1e-12), 1.0
    )
    value = (weights * means).sum(axis=0)
    variance = (weights * (variances + (means - value) ** 2)).sum(axis=0)
    worth = np.maximum(value * (1 - value) / np.maximum(variance, 1e-12) - 1, 1e-6)
    tail = (1 - CONFIDENCE) / 2
    low, high = (betaincinv(value * worth, (1 - value) * worth, level) for level in (tail, 1 - tail))
    return Shrunk(value, low, high)
