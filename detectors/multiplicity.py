"""Multiplicity: many looks at once, few false claims among the findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FALSE_SHARE = 0.05


def benjamini_hochberg(p: Sequence[float], share: float = FALSE_SHARE) -> float:
    """Return the level up to which p-values count, so that at most `share` of the claims are expected to be false.

    The largest i share / m with p_(i) <= i share / m; share / m (the level of a first claim) where there is none.

    Source:
        Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57:289.

    >>> benjamini_hochberg([0.01, 0.02, 0.03, 0.9], share=0.04)
    0.03
    """
    if not len(p):
        return share
    levels = share * np.arange(1, len(p) + 1) / len(p)
    passed = np.flatnonzero(np.sort(p) <= levels)
    return float(levels[passed[-1]] if passed.size else levels[0])


def adjusted(p: Sequence[float]) -> list[float]:
    """Raise p-values so that each may be held against the share of false claims itself: the step-up of Benjamini and Hochberg.

    >>> [round(one, 3) for one in adjusted([0.01, 0.02, 0.03, 0.9])]
    [0.04, 0.04, 0.04, 0.9]
    """
    order = np.argsort(p)
    raised = np.asarray(p, dtype=np.float64)[order] * len(p) / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return [float(one) for one in found]
