"""Tolerance bands: how far a rate may go before anybody is woken."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, expit, logit, ndtri

CONFIDENCE = 0.98
NEVER = 1e-9
"""Nearest that an edge comes to 0 and 1."""

Floats = NDArray[np.float64]


def band(k: Floats, n: Floats, dispersion: Floats, minimum_odds_ratio: float, confidence: float = CONFIDENCE) -> Floats:
    """Interval of a rate at its effective sample size, and at least an odds ratio wide on each side.

    k of n with dispersion phi tells as much as k / phi of n / phi independent trials. An edge is the end of their two-sided
    Clopper-Pearson interval (exact, at 98 % a rate of 0 of n has an upper end of about 4.6 phi / n), or the rate with its odds moved by the
    odds ratio, whichever lies further out: what is not known is no news, and what is small is not worth an alarm.

    Args:
        k: Hits [series].
        n: Trials [series].
        dispersion: phi [series].
        minimum_odds_ratio: A smaller change is not worth an alarm.
        confidence: Of the interval.

    Returns:
        Lower and upper edge [series, 2].

    Source:
        Clopper and Pearson 1934, Biometrika 26:404; Rao and Scott 1992, Biometrics 48:577 (effective sample size).

    >>> band(np.array([0.0, 200.0]), np.array([1000.0, 1000.0]), np.ones(2), 1.5).round(3).tolist()
    [[0.0, 0.005], [0.143, 0.273]]
    """
    hits, misses = k / dispersion, (n - k) / dispersion
    tail = (1 - confidence) / 2
    low = np.where(k > 0, betaincinv(np.maximum(hits, NEVER), misses + 1, tail), 0.0)
    high = np.where(k < n, betaincinv(hits + 1, np.maximum(misses, NEVER), 1 - tail), 1.0)
    rates = k / np.maximum(n, NEVER)
    moved = _moved(np.stack([rates, rates], axis=1), log(minimum_odds_ratio))
    return np.stack([np.minimum(_inside(low), moved[:, 0]), np.maximum(_inside(high), moved[:, 1])], axis=1)


def common_band(rates: Floats, n: Floats, dispersion: float, minimum_odds_ratio: float, confidence: float = CONFIDENCE) -> Floats:
    """Band of several rates that move together: all odds times one factor.

    The factor's log is known with standard error sqrt(phi / sum(n p (1 - p))) (the information of a common shift on the log odds).

    >>> common_band(np.array([0.1, 0.5]), np.array([30.0, 30.0]), 1.0, 1.5).round(2).tolist()
    [[0.05, 0.19], [0.33, 0.67]]
    """
    error = np.sqrt(dispersion / np.maximum((n * rates * (1 - rates)).sum(), NEVER))
    shift = max(float(ndtri((1 + confidence) / 2) * error), log(minimum_odds_ratio))
    return _moved(np.stack([rates, rates], axis=1), shift)


def _inside(rates: Floats) -> Floats:
    return np.asarray(np.clip(rates, NEVER, 1 - NEVER))


def _moved(edges: Floats, shift: float) -> Floats:
    return _inside(expit(logit(_inside(edges)) + np.array([-shift, shift])))
