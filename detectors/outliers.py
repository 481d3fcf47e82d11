"""Outliers: from which bin of its distance on an embedding is unlike all but a few of the reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHARE = 0.01
EVENTS_NEEDED = 10
"""Films of the reference beyond the cut, so that its share is known; with few films the cut moves inwards, to 5 % at most."""
LARGEST_SHARE = 0.05


def outlying_from(counts: NDArray[np.int64]) -> int | None:
    """Return the first bin of the outlying films, given the reference's counts of the distance without missing ones; None with too few.

    >>> outlying_from(np.array([0, 500, 480, 10, 10, 0]))
    4
    """
    beyond = counts.sum() - np.cumsum(counts)[:-1]
    usable = np.flatnonzero((beyond >= EVENTS_NEEDED) & (beyond <= LARGEST_SHARE * counts.sum()))
    return int(usable[np.abs(beyond[usable] / counts.sum() - SHARE).argmin()]) + 1 if usable.size else None
