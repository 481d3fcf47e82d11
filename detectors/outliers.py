"""Outliers: from which bin of its distance on an embedding is unlike all but a few of the reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHARE = 0.01
FAR_SHARE = 0.001
"""What the model was not made for lies further out than nearly every film of the reference; there few films are news."""
EVENTS_NEEDED = 10
"""Films of the reference beyond the cut, so that its share is known; with few films the cut moves inwards, to five times the share at most."""
MOST = 5.0


def outlying_from(counts: NDArray[np.int64], share: float = SHARE) -> int | None:
    """Return the first bin of the outlying films, given the reference's counts of the distance without missing ones; None with too few.

    >>> outlying_from(np.array([0, 500, 480, 10, 10, 0]))
    4
    """
    beyond = counts.sum() - np.cumsum(counts)[:-1]
    usable = np.flatnonzero((beyond >= EVENTS_NEEDED) & (beyond <= MOST * share * counts.sum()))
    return int(usable[np.abs(beyond[usable] / counts.sum() - share).argmin()]) + 1 if usable.size else None
