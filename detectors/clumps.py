"""Clumps: films of one patient say the same, so that counts scatter more than coins would."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

LARGEST = 4.0
NONE = 1.1
"""A factor below this is none."""
SERIES_NEEDED = 5
"""Of a group, beside each other, before such a factor can be told from wander."""
NOTHING = 1e-9

Floats = NDArray[np.float64]


def estimate_clumps(excess: Floats, information: Floats, groups: Sequence[Hashable]) -> Floats:
    """Factor of the binomial variance that is due to films that come in clumps [series], one for each group of series.

    With e = k - n p and v = n p (1 - p), a day's e^2 / v is c + V v on average: V is the variance of the log odds, whose part grows with the
    information, and c that of clumps, whose part does not. So c is where the line through the series of a group meets v = 0; rare
    events tell it best. A film with its clump of m films makes c the mean of m^2 over the mean of m.

    Args:
        excess: e [days, series].
        information: v [days, series].
        groups: Group of each series.

    Source:
        McCullagh and Nelder 1989, Generalized Linear Models, section 4.5 (dispersion of clustered counts).

    >>> rng = np.random.default_rng(0)
    >>> pairs = 2 * rng.binomial(20, 0.05, (180, 40))
    >>> estimate_clumps(pairs - 2.0, np.full(pairs.shape, 1.9), ["all"] * 40).round(1)[0]
    2.0
    """
    days = np.maximum((information > NOTHING).sum(axis=0), 1)
    ratio = np.where(information > NOTHING, excess**2 / np.maximum(information, NOTHING), 0.0).sum(axis=0) / days
    usual = information.sum(axis=0) / days
    found = np.ones(len(usual))
    for group in dict.fromkeys(groups):
        members = np.flatnonzero([one == group for one in groups])
        members = members[information[:, members].sum(axis=0) > 1]
        if len(members) >= SERIES_NEEDED:
            factor = _intercept(ratio[members], usual[members])
            found[[one == group for one in groups]] = factor if factor >= NONE else 1.0
    return found


def _intercept(ratio: Floats, usual: Floats) -> float:
    """Weighted line through (usual, ratio) at 0; where all have one information, the ratio is taken for clumps as far as it may."""
    weight = 1 / (1 + usual) ** 2
    center = float(np.average(usual, weights=weight))
    spread = float(np.average((usual - center) ** 2, weights=weight))
    slope = max(float(np.average((usual - center) * ratio, weights=weight)) / spread, 0.0) if spread > NOTHING else 0.0
    return float(np.clip(np.average(ratio, weights=weight) - slope * center, 1.0, LARGEST))
