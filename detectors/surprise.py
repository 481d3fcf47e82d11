"""Surprise: how far a rate lies beyond an edge, in units that compare series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

Floats = NDArray[np.float64]


def surprise(k: Floats, n: Floats, edge: Floats, side: NDArray[np.int64], dispersion: Floats) -> Floats:
    """Twice the log likelihood ratio of the rate k / n against an edge, over phi; 0 on the inner side of the edge.

    2 n KL(k/n || edge) / phi: grows with the number of observations and with the distance from the edge.

    >>> surprise(np.array([30.0]), np.array([40.0]), np.array([0.1]), np.array([1]), np.array([2.0])).round(1).tolist()
    [47.6]
    """
    rate = k / np.maximum(n, 1)
    beyond = np.where(side == 1, rate > edge, rate < edge)
    return np.where(beyond, 2 * n * (rel_entr(rate, edge) + rel_entr(1 - rate, 1 - edge)) / dispersion, 0.0)
