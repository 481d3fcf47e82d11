"""Dispersion: how much more than a coin the days of the reference vary."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

WEEK = 7
LONGEST_LAG = 28
"""Days over which what happened yesterday may still be felt."""
FAMILY_WEIGHT = 20.0
"""Days that the family's dispersion counts for when a series has few days, or few events, of its own."""

Matrix = NDArray[np.float64]


def dispersion(excess: Matrix, variance: Matrix, days: NDArray[np.int64], families: Sequence[Hashable]) -> NDArray[np.float64]:
    """Estimate phi, the variance of a series' counts over that of independent coins, never below 1.

    For day d, excess e_d = k_d - n_d p0 and binomial variance v_d = n_d p0 (1 - p0). Three estimates are made and the largest holds:
    days, sum e_d^2 / sum v_d; weeks, the same with e and v added up by week; and the long-run variance,
    (gamma_0 + 2 sum_l (1 - l / (L + 1)) gamma_l) / mean v with gamma_l the autocovariance of e at l days and L up to 28 days
    or a quarter of the reference, which catches wandering that no single week shows. Films of one patient, rooms, batches and
    weekends all raise it. Each estimate is shrunk towards the median of its family, with as many days' weight as
    FAMILY_WEIGHT, because 30 reference days are few.

    Args:
        excess: [days, series], e.
        variance: [days, series], v.
        days: [days], day numbers, ascending.
        families: Family of each series.

    Returns:
        phi [series].

    Source:
        McCullagh and Nelder 1989, 4.5 (dispersion); Newey and West 1987, Econometrica 55:703 (long-run variance).

    >>> rng = np.random.default_rng(0)
    >>> calm, uneven = rng.binomial(50, 0.2, 200), rng.binomial(50, np.clip(rng.normal(0.2, 0.1, 200), 0, 1))
    >>> e = np.stack([calm, uneven], axis=1) - 10.0
    >>> dispersion(e, np.full((200, 2), 8.0), np.arange(200), ["a", "b"]).round(0).tolist()
    [2.0, 4.0]
    """
    full = np.arange(days.min(), days.max() + 1) if len(days) else days
    e, v = np.zeros((len(full), excess.shape[1])), np.zeros((len(full), excess.shape[1]))
    if len(days):
        e[days - days.min()], v[days - days.min()] = excess, variance
    information = np.minimum(len(days) - 1.0, v.sum(axis=0))
    estimates = (_ratio(e, v), _ratio(_weekly(e), _weekly(v)), _long_run(e, v))
    return np.asarray(np.maximum(1.0, np.max([_shrink(one, information, families) for one in estimates], axis=0)))


def _ratio(e: Matrix, v: Matrix) -> NDArray[np.float64]:
    """Pearson's ratio, with one degree of freedom spent on p0; 1 where there is nothing to learn from."""
    active = (v > 0).sum(axis=0)
    return _over((e**2).sum(axis=0), v.sum(axis=0) * (active - 1) / np.maximum(active, 1))


def _over(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.where(expected > 0, observed / np.where(expected > 0, expected, 1.0), 1.0))


def _weekly(values: Matrix) -> Matrix:
    whole = len(values) // WEEK
    return np.asarray(values[len(values) - whole * WEEK :].reshape(whole, WEEK, values.shape[1]).sum(axis=1))


def _long_run(e: Matrix, v: Matrix) -> NDArray[np.float64]:
    longest = min(LONGEST_LAG, len(e) // 4)
    total = (e**2).sum(axis=0)
    for lag in range(1, longest + 1):
        total = total + 2 * (1 - lag / (longest + 1)) * (e[lag:] * e[:-lag]).sum(axis=0)
    return _over(np.maximum(total, 0.0), v.sum(axis=0))


def _shrink(estimate: NDArray[np.float64], information: NDArray[Any], families: Sequence[Hashable]) -> NDArray[np.float64]:
    shrunk = np.ones_like(estimate)
    for family in set(families):
        members = np.array([one == family for one in families])
        known = members & (information > 1)
        center = float(np.median(estimate[known])) if known.any() else 1.0
        weight = np.maximum(information[members], 0.0)
        shrunk[members] = (weight * estimate[members] + FAMILY_WEIGHT * center) / (weight + FAMILY_WEIGHT)
    return shrunk
