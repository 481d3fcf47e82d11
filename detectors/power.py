"""Power: the smallest change that a series would page within two weeks at today's volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.ratios import ALTERNATIVES, OUTWARDS
from detectors.reference import Reference
from detectors.series import SIDES

DAYS = 14
HIDDEN = 1000.0
"""An odds ratio beyond this cannot be seen."""
ROUNDS = 12
SMALLEST = 1e-12

Floats = NDArray[np.float64]


def detectable(reference: Reference, daily: Floats, days: int = DAYS) -> Floats:
    """Smallest odds ratio that is expected to page within some days [series, side]; infinite where none up to 1,000 is, NaN where unwatched.

    A component of the evidence must grow to K A (evidence.py), so each of the days must bring log(K A) / days. A shift of x log odds beyond
    the null brings x^2 J / 2, with information J = I / (c + V I) half way between the two. The null is what the reference leaves
    open of its rate, and what the level has followed of the rest of the shift: of what lasts, a share g is left as surprise (the root of its
    mean square over the days). And it must lie beyond the edge of the band. So the shift must reach max(edge, doubt + x / g). Solved by
    iteration, because I depends on the shift. It is what is expected, not a promise: half of such changes take longer.

    Args:
        reference: Bands, wander, budget.
        daily: Observations of each row on a day like today [rows].
        days: In how many.
    """
    known, gather = reference.estimates, reference.gather
    watched = np.array([[side in one.sides for side in SIDES] for one in reference.series]).reshape(-1, len(SIDES))
    components = np.maximum(len(ALTERNATIVES) * watched.sum(axis=1), 1)
    needed = 2 * np.log(components * reference.limit) / days
    left, variance = _left(reference, daily, days)
    shift: Floats = known.edges + 1.0
    for _ in range(ROUNDS):
        null = (1 - left)[:, None] * shift + left[:, None] * known.doubt
        p = expit(known.base[:, None] + OUTWARDS * gather.by_row((shift + null) / 2))
        information = np.maximum(gather.by_series(daily[:, None] * p * (1 - p)), SMALLEST)
        beyond = np.sqrt(needed[:, None] * (known.clumps[:, None] / information + variance[:, None]))
        reached = np.maximum(known.edges, known.doubt + beyond / left[:, None])
        shift = (shift + np.minimum(reached, np.log(HIDDEN) + 1)) / 2
    return np.where(watched, np.where(shift < np.log(HIDDEN), np.exp(shift), np.inf), np.nan)


def _left(reference: Reference, daily: Floats, days: int) -> tuple[Floats, Floats]:
    """Share of a lasting shift that is left as surprise, and the variance with which a day is predicted [series], after as long again."""
    known, gather = reference.estimates, reference.gather
    p = expit(known.base)
    noise = known.clumps / np.maximum(gather.by_series(daily * p * (1 - p)), SMALLEST) + known.white
    memory = known.persistence
    variance: Floats = np.array(known.level)
    for _ in range(days):
        gain = variance / (variance + noise)
        variance = memory**2 * (1 - gain) * variance + (1 - memory**2) * known.level
    gain = variance / (variance + noise)
    share: Floats = np.ones(len(gain))
    squares: Floats = np.zeros(len(gain))
    for _ in range(days):
        squares = squares + share**2
        share = np.asarray(1 - memory * (gain * share + 1 - share))
    return np.sqrt(squares / days), variance + known.white
