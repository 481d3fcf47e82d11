"""Likelihood ratios: what one day says for a rate beyond its band, against the furthest rate at which the reference may have it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.level import Level
from detectors.reference import Reference
from detectors.rhythm import Today
from detectors.series import Counts

ALTERNATIVES = (1.0, 1.4, 2.0, 3.5, 8.0, 30.0)
"""Odds ratios beyond the edge of the band that the evidence looks out for; 1 is the edge itself."""
MIXTURE = np.array([0.25, 0.22, 0.18, 0.15, 0.11, 0.09])
"""Share of each in the evidence: what is far from the edge shows within days whatever its share, what is near needs all it can get."""
SHIFTS = np.log(ALTERNATIVES)
OUTWARDS = np.array([-1.0, 1.0])
"""Direction of each side on the log odds."""
NODES, WEIGHTS = (0.5 + np.array([-0.5, 0.5]) / np.sqrt(3)).tolist(), (0.5, 0.5)
"""Gauss and Legendre's two points on [0, 1]."""

Floats = NDArray[np.float64]


def log_ratios(reference: Reference, level: Level, absorbed: Floats, today: Counts, kind: Today) -> Floats:
    """Log likelihood ratios of a day [series, side, alternative].

    All on the log odds, outwards from the reference's rate. The null is the level to which the series has wandered by today (level.py), and
    as much as that cannot have followed of what the reference leaves open of its own rate (`doubt` of estimates.py): for any offset of the
    reference's rate within the doubt, the day is then fair. The alternative is the edge and its odds ratio beyond it, from the level as the filter would
    see it had the change begun when its evidence did: what the filter has taken for wander since is `absorbed`. With U the excess
    k - n p and I = n p (1 - p) at a point between the two, summed over the rows of the series, and V the variance with which the day's log
    odds are predicted,

        log L = integral from null to alternative of U / (c + V I).

    This is the quasi-likelihood ratio of counts that have c + V I times the variance of a coin, c for films that come in clumps (clumps.py):
    the binomial one where c = 1 and V = 0, the negative binomial one where events are rare, the normal one where they are many. For each of these its expectation at the null is 1,
    and less for a rate further inside, because it grows with k.

    Args:
        reference: Bands and wander.
        level: Predicted for today from the days before.
        absorbed: Log odds of each change that the level has followed by today, outwards negative [series, side, alternative].
        today: Counts by row.
        kind: What a day of this kind does to the log odds (rhythm.py).

    Source:
        Wedderburn 1974, Biometrika 61:439 (quasi-likelihood); Willsky and Jones 1976, IEEE Trans Automatic Control 21:108 (jumps in
        a state-space model, as its filter sees them).
    """
    known = reference.estimates
    wandered = OUTWARDS[:, None] * level.mean
    null = (wandered + np.hypot(known.doubt.T * (1 - level.followed), kind.doubt))[:, None]
    ends = np.maximum((known.edges.T + wandered)[:, None] + SHIFTS[:, None] + absorbed.transpose(1, 2, 0), null)
    starts = np.concatenate([null, ends[:, :-1]], axis=1)
    width = ends - starts
    scatter = level.variance + known.white
    slope = sum(
        weight * _slope(reference, starts + width * node, scatter, today, kind) for node, weight in zip(NODES, WEIGHTS, strict=True)
    )
    return np.ascontiguousarray((OUTWARDS[:, None, None] * np.cumsum(width * slope, axis=1)).transpose(2, 0, 1))


def _slope(reference: Reference, points: Floats, scatter: Floats, today: Counts, kind: Today) -> Floats:
    """U / (c + V I) at points of each series; series lie last, where one is beside the next [side, alternative, series]."""
    known, gather = reference.estimates, reference.gather
    moved = gather.by_row(OUTWARDS[:, None, None] * points + kind.shift, axis=-1)
    p = expit(known.base + moved)
    expected = today.n * p
    excess = gather.by_series(today.k - expected, axis=-1)
    return np.asarray(excess / (known.clumps + scatter * gather.by_series(expected * (1 - p), axis=-1)))
