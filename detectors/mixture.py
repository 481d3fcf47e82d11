"""Mixture: which share of positives makes a score histogram most likely."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A prevalence and its standard error."""

    value: float
    error: float


def mixture_share(window: Shares, positive: Shares, negative: Shares) -> Estimate:
    """Maximum likelihood share of positives in a histogram, given the histograms of both classes (counts) on the same bins.

    Standard error: observed information of the window, plus the delta method over both class histograms.

    >>> found = mixture_share(np.array([50.0, 50.0]), np.array([20.0, 80.0]), np.array([80.0, 20.0]))
    >>> round(found.value, 3), round(found.error, 3)
    (0.5, 0.097)
    """
    f1, f0 = (_smooth(counts) for counts in (positive, negative))

    def slope(share: float) -> float:
        return float((window * (f1 - f0) / (share * f1 + (1 - share) * f0)).sum())

    from scipy.optimize import brentq  # noqa: PLC0415 - 25 MB that a gateway, which imports this file too, never needs

    share = 0.0 if slope(0.0) <= 0 else 1.0 if slope(1.0) >= 0 else float(brentq(slope, 0.0, 1.0, xtol=1e-10))
    mixed = share * f1 + (1 - share) * f0
    information = float((mixed * ((f1 - f0) / mixed) ** 2).sum())
    known = _variance(f1, f0 / mixed) / positive.sum() + _variance(f0, f1 / mixed) / negative.sum()
    return Estimate(share, sqrt(1 / (window.sum() * information) + known / information**2))


def _smooth(counts: Shares) -> Shares:
    """Shares with half a count in each bin, so that no score is impossible."""
    return np.asarray((counts + 0.5) / (counts + 0.5).sum())


def _variance(shares: Shares, values: Shares) -> float:
    return float((shares * values**2).sum() - (shares * values).sum() ** 2)
