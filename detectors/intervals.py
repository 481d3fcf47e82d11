"""Intervals of proportions, at an effective sample size where observations come in clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from detectors.measurement import Interval

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
Z = float(ndtri((1 + CONFIDENCE) / 2))
"""1.96: two-sided 95 %."""


def wilson(k: float, n: float, dispersion: float = 1.0) -> Interval:
    """Wilson's score interval of k of n.

    The rates p with |k/n - p| <= z sqrt(phi p (1 - p) / n): covers .93 to .97 where the textbook (Wald) interval covers .65 (10 positives).

    Args:
        k: Hits.
        n: Trials, more than 0.
        dispersion: phi; n / phi observations are as good as independent.

    Source:
        Wilson 1927, Journal of the American Statistical Association 22:209.

    >>> interval = wilson(8, 10)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.49, 0.943)
    """
    low, high = wilson_ends(*np.array([[k], [n], [dispersion]], dtype=np.float64))
    return Interval(float(low[0]), float(high[0]))


def wilson_ends(k: Floats, n: Floats, dispersion: Floats) -> tuple[Floats, Floats]:
    """Ends of Wilson's intervals of many rates at once."""
    effective, rate = n / dispersion, k / n
    shrink = 1 + Z**2 / effective
    center = (rate + Z**2 / (2 * effective)) / shrink
    half = Z * np.sqrt(rate * (1 - rate) / effective + Z**2 / (4 * effective**2)) / shrink
    return np.where(k <= 0, 0.0, np.maximum(center - half, 0.0)), np.where(k >= n, 1.0, np.minimum(center + half, 1.0))


def newcombe(first: tuple[float, float], second: tuple[float, float], dispersion: float = 1.0) -> Interval:
    """Newcombe's interval of the difference of two independent rates, k1/n1 - k2/n2, from their Wilson intervals.

    Args:
        first: k1, n1.
        second: k2, n2.
        dispersion: phi of both.

    Source:
        Newcombe 1998, Statistics in Medicine 17:873 (method 10).

    >>> interval = newcombe((56, 70), (48, 80))
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.0524, 0.3339)
    """
    columns = (np.array([float(one)]) for one in (*first, *second, dispersion))
    low, high = newcombe_ends(*columns)
    return Interval(float(low[0]), float(high[0]))


def newcombe_ends(k: Floats, n: Floats, k_other: Floats, n_other: Floats, dispersion: Floats) -> tuple[Floats, Floats]:
    """Ends of Newcombe's intervals of many differences at once, k / n - k_other / n_other."""
    one, two = k / n, k_other / n_other
    (low, high), (low_other, high_other) = wilson_ends(k, n, dispersion), wilson_ends(k_other, n_other, dispersion)
    difference = one - two
    below = np.sqrt((one - low) ** 2 + (high_other - two) ** 2)
    above = np.sqrt((high - one) ** 2 + (two - low_other) ** 2)
    return difference - below, difference + above
