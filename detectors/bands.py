"""Tolerance bands: how far a rate may go before anybody is woken."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, expit, logit, ndtri

CONFIDENCE = 0.95
NEVER = 1e-9
"""Nearest that an edge comes to 0 and 1."""

Floats = NDArray[np.float64]


def band(k: Floats, n: Floats, dispersion: Floats, minimum_odds_ratio: float) -> Floats:
    """Interval of a rate at its effective sample size, widened by an odds ratio.

    k of n with dispersion phi tells as much as k / phi of n / phi independent trials. Their two-sided 95 % Clopper-Pearson interval
    (exact, so a rate of 0 of n has an upper end of about 3.7 phi / n) is widened: odds of the lower end divided, of the upper end
    multiplied by the odds ratio.

    Args:
        k: Hits [series].
        n: Trials [series].
        dispersion: phi [series].
        minimum_odds_ratio: A smaller change is not worth an alarm.

    Returns:
        Lower and upper edge [series, 2].

    Source:
        Clopper and Pearson 1934, Biometrika 26:404; Rao and Scott 1992, Biometrics 48:577 (effective sample size).

    >>> band(np.array([0.0, 200.0]), np.array([1000.0, 1000.0]), np.ones(2), 1.5).round(3).tolist()
    [[0.0, 0.006], [0.124, 0.305]]
    """
    hits, misses = k / dispersion, (n - k) / dispersion
    tail = (1 - CONFIDENCE) / 2
    low = np.where(k > 0, betaincinv(np.maximum(hits, NEVER), misses + 1, tail), 0.0)
    high = np.where(k < n, betaincinv(hits + 1, np.maximum(misses, NEVER), 1 - tail), 1.0)
    return _widen(np.stack([low, high], axis=1), log(minimum_odds_ratio))


def common_band(rates: Floats, n: Floats, dispersion: float, minimum_odds_ratio: float) -> Floats:
    """Band of several rates that move together: all odds times one factor.

    The factor's log is known with standard error sqrt(phi / sum(n p (1 - p))) (the information of a common shift on the log odds).

    >>> common_band(np.array([0.1, 0.5]), np.array([300.0, 300.0]), 1.0, 1.5).round(2).tolist()
    [[0.06, 0.17], [0.35, 0.65]]
    """
    error = np.sqrt(dispersion / np.maximum((n * rates * (1 - rates)).sum(), NEVER))
    shift = ndtri((1 + CONFIDENCE) / 2) * error + log(minimum_odds_ratio)
    return _widen(np.stack([rates, rates], axis=1), float(shift))


def _widen(edges: Floats, shift: float) -> Floats:
    moved = expit(logit(np.clip(edges, NEVER, 1 - NEVER)) + np.array([-shift, shift]))
    return np.asarray(np.clip(moved, NEVER, 1 - NEVER))
