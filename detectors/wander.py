"""Wander: how a rate drifts and scatters from day to day while nothing is wrong."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

LONGEST_LAG = 28
PERSISTENCES = (0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97)
"""Candidates for the correlation of one day's level with the next day's."""
CONVINCING = 9.0
"""Fall of chi-square that a lasting level must bring over independent days."""
LEAST_VARIETY = 0.1
"""Smallest variance of the series' scales around that of their group (1)."""
LEAST_SCALE = 0.1
SMALLEST = 1e-12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Wander:
    """Variance components of each series' log odds [series].

    level: variance of a level that persists; persistence: its correlation with the next day's; white: variance of what lasts one day.
    """

    level: Floats
    persistence: Floats
    white: Floats

    @property
    def long_run(self) -> Floats:
        """Variance that days add up to in the long run: white + level (1 + persistence) / (1 - persistence)."""
        return np.asarray(self.white + self.level * (1 + self.persistence) / (1 - self.persistence))


@dataclass(frozen=True, slots=True)
class Components:
    """Variance components of a group of series."""

    level: float
    persistence: float
    white: float


def estimate_wander(excess: Floats, information: Floats, days: NDArray[np.int64], groups: Sequence[Hashable]) -> Wander:
    """Estimate how the log odds of each series wander, from the days of the reference.

    Model: on day d the log odds are those of the reference plus x_d + u_d, x a stationary first-order autoregression, u
    independent. With e_d = k_d - n_d p0 and information v_d = n_d p0 (1 - p0) (both summed over the rows of a series),
    E[e_d e_{d+l}] = v_d v_{d+l} (C(l) - B) + [l = 0] v_d, where C(l) = level persistence^l + [l = 0] white, and B, the variance of the
    estimated p0 on the same scale, is what subtracting the mean takes away.

    Few reference days say little of one series, so the components are fitted to the autocovariances of a whole group (weighted least
    squares, none negative), a lasting level only where the lags convincingly ask for one. Then each series gets a scale, its own
    C(0) over the group's, shrunk towards 1 as far as its error is large against the variety of scales in the group (empirical Bayes).

    Args:
        excess: e [days, series].
        information: v [days, series].
        days: Day numbers [days], ascending, gaps allowed.
        groups: Group of each series; series of one group share their components up to scale.

    Source:
        Method of moments after Zeger 1988, Biometrika 75:621 (counts with a latent autoregression); Morris 1983, JASA 78:47 (empirical Bayes).

    >>> rng, x = np.random.default_rng(0), np.zeros((200, 50))
    >>> for day in range(1, 200):
    ...     x[day] = 0.9 * x[day - 1] + rng.normal(0, 0.5 * np.sqrt(1 - 0.9**2), 50)
    >>> k = rng.binomial(100, 1 / (1 + np.exp(1.5 - x)))
    >>> p = k.mean(axis=0) / 100
    >>> found = estimate_wander(k - 100 * p, np.tile(100 * p * (1 - p), (200, 1)), np.arange(200), ["all"] * 50)
    >>> np.sqrt(found.level).mean().round(1), found.persistence[0].round(1)
    (0.5, 0.9)
    """
    e, v = _calendar(excess, days), _calendar(information, days)
    level, persistence, white = (np.zeros(excess.shape[1]) for _ in range(3))
    for group in dict.fromkeys(groups):
        members = np.flatnonzero([one == group for one in groups])
        shared = _components(e[:, members], v[:, members])
        scale = _scales(e[:, members], v[:, members], shared)
        level[members], white[members], persistence[members] = shared.level * scale, shared.white * scale, shared.persistence
    return Wander(level, persistence, white)


def _calendar(values: Floats, days: NDArray[np.int64]) -> Floats:
    full = np.zeros((int(np.ptp(days)) + 1 if len(days) else 0, values.shape[1]))
    if len(days):
        full[days - days.min()] = values
    return full


def _components(e: Floats, v: Floats) -> Components:
    """Fit the components of a group to its pooled autocovariances."""
    length = len(e)
    lags = np.arange(min(LONGEST_LAG, length // 2) + 1)
    weights = np.array([(v[lag:] * v[: length - lag]).sum() for lag in lags])
    if not (weights > 0).all():
        return Components(0.0, 0.0, 0.0)
    sums = np.array([(e[lag:] * e[: length - lag]).sum() for lag in lags])
    sums[0] -= v.sum()
    squares = (v**2).sum(axis=0)
    lost = float((squares / np.maximum(v.sum(axis=0), SMALLEST)).sum() / squares.sum())
    precision = np.sqrt(weights)
    precision[0] = weights[0] / np.sqrt((2 * v**2 + v).sum())
    target = (sums / weights + lost) * precision
    found, misfit = _fit(target, _design(lags, length, None) * precision[:, None], 0.0)
    enough = misfit - CONVINCING
    for persistence in PERSISTENCES:
        candidate, left = _fit(target, _design(lags, length, persistence) * precision[:, None], persistence)
        if left < enough:
            found, enough = candidate, left
    return found


def _design(lags: NDArray[np.int64], length: int, persistence: float | None) -> Floats:
    """Expected autocovariances of unit components [lags, components], less what subtracting the mean takes away."""
    white = (lags == 0) - 1 / length
    if persistence is None:
        return np.asarray(white[:, None], dtype=np.float64)
    gaps = np.arange(1, length)
    mean = (length + 2 * ((length - gaps) * persistence**gaps).sum()) / length**2
    return np.stack([white, persistence**lags - mean], axis=1)


def _fit(target: Floats, design: Floats, persistence: float) -> tuple[Components, float]:
    found, misfit = nnls(design, target)
    level = float(found[1]) if len(found) > 1 else 0.0
    return Components(level, persistence if level else 0.0, float(found[0])), float(misfit**2)


def _scales(e: Floats, v: Floats, shared: Components) -> Floats:
    """Scale of each series' wander in its group, shrunk towards 1."""
    total = shared.level + shared.white
    squares = (v**2).sum(axis=0)
    if not total:
        return np.ones(e.shape[1])
    own = ((e**2).sum(axis=0) - v.sum(axis=0)) / np.maximum(squares, SMALLEST) / total
    memory = (1 + shared.persistence**2) / (1 - shared.persistence**2)
    error = (2 * v**2 + v + 4 * v**3 * total + 2 * v**4 * total**2 * memory).sum(axis=0) / np.maximum(squares * total, SMALLEST) ** 2
    trust = 1 / (error + 1)
    variety = max(float((trust * ((own - 1) ** 2 - error)).sum() / trust.sum()), LEAST_VARIETY)
    return np.asarray(np.maximum((error + variety * own) / (error + variety), LEAST_SCALE))
