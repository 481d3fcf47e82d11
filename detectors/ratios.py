"""Likelihood ratios: what one day says for a rate beyond its band, against the worst rate that is still no news."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.level import Level, base
from detectors.reference import Reference
from detectors.series import Counts

ALTERNATIVES = (1.5, 2.5, 6.0, 30.0)
"""Odds ratios beyond what is no news that the evidence looks out for."""
CAUTION = 2.0
"""Factor of the predicted variance of a day: the variance components are estimates, and their tails are not normal."""

Floats = NDArray[np.float64]


def log_ratios(reference: Reference, level: Level, today: Counts) -> Floats:
    """Log likelihood ratios of a day [series, side, alternative].

    What is no news: any rate inside the band (bands.py), and the rate to which the series has wandered by today (level.py). On the
    high side the worst of both is the null p_0 (the larger; on the low side the smaller), and the alternative is p_0 with its odds
    moved outwards by a. With I = sum n p_0 (1 - p_0) and V the predicted variance of today's log odds around the level,

        log L = sum over rows (k log(p_a / p_0) + (n - k) log((1 - p_a) / (1 - p_0))) / (1 + CAUTION I V).

    Why L has expectation at most 1: for a rate at p_0 the binomial ratio has expectation 1, for one further inside less, because
    the ratio is monotone; and its power below 1 has at most that (Jensen). The power answers for the scatter of the day: counts whose
    log odds scatter with variance V have 1 + I V times the binomial variance.

    Args:
        reference: Bands and wander.
        level: Predicted for today from the days before.
        today: Counts by row.
    """
    known, gather = reference.estimates, reference.gather
    wandered = (base(reference) + gather.by_row(level.mean))[:, None]
    edges = logit(known.bands)
    null = np.concatenate([np.minimum(edges[:, :1], wandered), np.maximum(edges[:, 1:], wandered)], axis=1)
    p = expit(null)
    information = gather.by_series(today.n[:, None] * p * (1 - p))
    scatter = 1 + CAUTION * information * (level.variance + known.white)[:, None]
    rows = _binomial(today, null[:, :, None], null[:, :, None] + np.log(ALTERNATIVES) * np.array([-1.0, 1.0])[:, None])
    return np.asarray(gather.by_series(rows) / scatter[:, :, None])


def _binomial(today: Counts, null: Floats, alternative: Floats) -> Floats:
    """Log likelihood ratio of k of n at two log odds; log p = -log(1 + exp(-x)) and log(1 - p) = -log(1 + exp(x))."""
    hit = np.logaddexp(0, -null) - np.logaddexp(0, -alternative)
    miss = np.logaddexp(0, null) - np.logaddexp(0, alternative)
    return np.asarray(today.k[:, None, None] * hit + (today.n - today.k)[:, None, None] * miss)
