"""A film as a dozen by a dozen grey values: what tells one film from another and a film from its negative, and shows nobody."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.gateway.resize import area_average

SIDE = 12
BLANK = 1e-3

Picture = NDArray[np.float32]


def picture_of(tensor: NDArray[np.float32]) -> Picture | None:
    """The input of a model [1, rows, columns] as 12 x 12 area averages [144] of mean 0 and length 1; None where it has no contrast.

    The product of two pictures is the correlation of the films.
    """
    coarse = area_average(tensor[0], SIDE, SIDE)
    coarse = coarse - coarse.mean()
    length = float(np.linalg.norm(coarse))
    return (coarse / length).ravel() if length > BLANK else None
