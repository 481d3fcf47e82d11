"""Wander: how a rate drifts and scatters from day to day while nothing is wrong."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.01, 0.03, 0.06, 0.1, 0.18, 0.3, 0.5, 0.9, 1.8)
PERSISTENCES = (0.5, 0.7, 0.85, 0.92, 0.96, 0.98)
WHITES = (0.0, 0.03, 0.1, 0.3, 0.9)
"""Grid of the components: variances in squared log odds, and the correlation of one day's level with the next day's."""
PRIOR_SERIES = 2.0
"""Series that the prior counts for in a group."""
PRIOR_VARIANCE = 0.3
"""The prior leans to little wander: a component of variance s weighs exp(-sqrt(s / PRIOR_VARIANCE))."""
ROUNDS = 100
UPPER = 1.0
"""Posterior standard deviations by which the level's variance may be larger: taken for too small, it pages while nothing is wrong. So caution
goes to those series of which the reference says little, or that differ from their group; where all wander alike it costs next to nothing."""
CHUNK = 32
"""Series whose candidates are fitted at once, so that they stay in the processor's cache."""
LOGS_AT_ONCE = 4
"""Days whose variances, each between 1e-9 and 1e9, are multiplied before a logarithm is taken."""
FEWEST_DAYS = 7
"""Of a reference that can tell days from coins; rows without days, say in a notebook, are taken for independent."""
NOTHING = 1e-9
"""Information of a day without observations."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Wander:
    """Variance components of each series' log odds [series].

    level: variance of a level that persists; persistence: its correlation with the next day's; white: variance of what lasts one day.
    caution: by how much the level's variance may be larger. error: variance with which these days tell the mean of the log odds.
    """

    level: Floats
    persistence: Floats
    white: Floats
    caution: Floats
    error: Floats

    def over(self, days: int) -> Floats:
        """Variance of the mean of the log odds over so many days, times the days [series].

        >>> one = np.ones(1)
        >>> Wander(0.1 * one, 0.9 * one, 0.2 * one, one, one).over(1).round(6).tolist(), Wander(0.1 * one, 0.9 * one, 0.2 * one, one, one).over(10_000).round(2).tolist()
        ([0.3], [2.1])
        """
        memory = self.persistence
        lasting = (1 + memory) / (1 - memory) - 2 * memory * (1 - memory**days) / (days * (1 - memory) ** 2)
        return np.asarray(self.white + self.level * lasting)


def estimate_wander(excess: Floats, information: Floats, days: NDArray[np.int64], groups: Sequence[Hashable]) -> Wander:
    """Estimate how the log odds of each series wander, from the days of the reference.

    Model: on day d the log odds lie x_d + u_d above their mean, x a stationary first-order autoregression, u independent. With
    e_d = k_d - n_d p0 and information v_d = n_d p0 (1 - p0), both summed over the rows of a series, z_d = e_d / v_d measures that with
    variance 1 / v_d. Each candidate (level, persistence, white) has a restricted Gaussian likelihood by one Kalman filter, which
    runs on z and on a constant at once, so that the unknown mean takes its share (de Jong 1991).

    A half year says little of one series: with a correlation of .95 from day to day it holds five independent values. So the
    distribution of the candidates is learnt from all series of a group (nonparametric empirical Bayes, by EM), and each series
    gets the mean of its own posterior, and caution by its width (UPPER): series with much to tell keep their own
    components, others take the group's.

    Args:
        excess: e [days, series].
        information: v [days, series].
        days: Day numbers [days], ascending, gaps allowed.
        groups: Group of each series; series of a group learn from each other.

    Source:
        Harvey 1989, Forecasting, Structural Time Series Models and the Kalman Filter; de Jong 1991, Annals of Statistics 19:1073;
        Laird 1978, JASA 73:805 (nonparametric mixing distribution).

    >>> rng, x = np.random.default_rng(0), np.zeros((180, 50))
    >>> for day in range(1, 180):
    ...     x[day] = 0.9 * x[day - 1] + rng.normal(0, 0.5 * np.sqrt(1 - 0.9**2), 50)
    >>> k = rng.binomial(100, 1 / (1 + np.exp(1.5 - x)))
    >>> p = k.mean(axis=0) / 100
    >>> found = estimate_wander(k - 100 * p, np.tile(100 * p * (1 - p), (180, 1)), np.arange(180), ["all"] * 50)
    >>> np.sqrt(found.level).mean().round(1), found.persistence.mean().round(1), found.white.mean().round(1)
    (0.5, 0.9, 0.0)
    """
    if len(days) < FEWEST_DAYS:
        still = np.zeros(excess.shape[1])
        return Wander(still, still, still, still, 1 / np.maximum(information.sum(axis=0), NOTHING))
    e, v = _calendar(excess, days), np.maximum(_calendar(information, days), NOTHING)
    candidates = _candidates()
    fits = [_fit(e[:, at : at + CHUNK] / v[:, at : at + CHUNK], v[:, at : at + CHUNK], candidates) for at in range(0, e.shape[1], CHUNK)]
    fit, prior = np.concatenate([np.empty((0, len(candidates))), *fits]), _prior(candidates)
    posterior = np.empty_like(fit)
    for group in dict.fromkeys(groups):
        members = np.flatnonzero([one == group for one in groups])
        posterior[members] = _shared(fit[members], prior)
    variance, correlation, scatter = candidates.T
    level, white = posterior @ variance, posterior @ scatter
    lasting = posterior @ (variance * (1 + correlation) / (1 - correlation)) / np.maximum(level, NOTHING)
    caution = UPPER * np.sqrt(np.maximum(posterior @ variance**2 - level**2, 0.0))
    persistence = np.maximum(lasting - 1, 0.0) / (lasting + 1)
    return Wander(level, persistence, white, caution, _error(v, level, persistence, white))


def _calendar(values: Floats, days: NDArray[np.int64]) -> Floats:
    full = np.zeros((int(np.ptp(days)) + 1 if len(days) else 0, values.shape[1]))
    if len(days):
        full[days - days.min()] = values
    return full


def _candidates() -> Floats:
    """Level, persistence and white [candidates, 3]."""
    return np.array([(0.0, 0.0, white) for white in WHITES] + list(product(LEVELS, PERSISTENCES, WHITES)))


def _prior(candidates: Floats) -> Floats:
    level, _, white = candidates.T
    weight = np.exp(-np.sqrt((level + white) / PRIOR_VARIANCE))
    weight[level > 0] /= len(LEVELS) * len(PERSISTENCES)
    return np.asarray(weight / weight.sum())


def _shared(fit: Floats, prior: Floats) -> Floats:
    """Posterior of each series over the candidates, when their distribution is that of its group."""
    likelihood = np.exp(fit - fit.max(axis=1, keepdims=True))
    weight, posterior = prior, likelihood
    for _ in range(ROUNDS):
        joint = likelihood * weight
        posterior = np.asarray(joint / joint.sum(axis=1, keepdims=True))
        weight = (posterior.sum(axis=0) + PRIOR_SERIES * prior) / (len(fit) + PRIOR_SERIES)
    return np.asarray(posterior)


def _fit(z: Floats, v: Floats, candidates: Floats) -> Floats:
    """Restricted log likelihood of each candidate [series, candidates]; each step is written where the last one was."""
    level, persistence, white = (column[None, :] for column in candidates.T.astype(np.float32))
    memory, fresh, shape = persistence**2, (1 - persistence**2) * level, (z.shape[1], len(candidates))
    of_z, of_one, logs, squares, cross, ones, total, precision, gain, surprise, unit, scaled = np.zeros((12, *shape), np.float32)
    variance, product = np.broadcast_to(level, shape).copy(), np.ones(shape, np.float32)
    days = zip(z[:, :, None].astype(np.float32), (1 / v[:, :, None]).astype(np.float32), strict=True)
    for day, (today, noise) in enumerate(days):
        np.add(variance, white, out=total)
        total += noise
        np.reciprocal(total, out=precision)
        np.multiply(variance, precision, out=gain)
        np.subtract(today, of_z, out=surprise)
        np.subtract(1, of_one, out=unit)
        product *= total
        if day % LOGS_AT_ONCE == 0:
            logs += np.log(product)
            product[:] = 1.0
        squares += np.multiply(np.multiply(surprise, precision, out=scaled), surprise, out=scaled)
        np.multiply(unit, precision, out=precision)
        cross += np.multiply(surprise, precision, out=scaled)
        ones += np.multiply(unit, precision, out=scaled)
        of_z += np.multiply(gain, surprise, out=scaled)
        of_one += np.multiply(gain, unit, out=scaled)
        of_z *= persistence
        of_one *= persistence
        variance -= np.multiply(gain, variance, out=scaled)
        variance *= memory
        variance += fresh
    logs += np.log(product)
    return np.asarray(-0.5 * (logs + squares - cross**2 / ones + np.log(ones)), dtype=np.float64)


def _error(v: Floats, level: Floats, persistence: Floats, white: Floats) -> Floats:
    """Variance of sum(e) / sum(v): binomial, white and lasting parts."""
    lasting, carried = np.zeros(v.shape[1]), np.zeros(v.shape[1])
    for today in v:
        carried = persistence * carried + today
        lasting += today * (2 * carried - today)
    return np.asarray(((v + white * v**2).sum(axis=0) + level * lasting) / np.maximum(v.sum(axis=0), NOTHING) ** 2)
