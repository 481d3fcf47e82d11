"""Calibrator: a strictly rising map from a model's logit to a calibrated one, so that no order and no decision changes."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A line, slope * logit + intercept (Platt; a temperature T is a slope of 1 / T), or, where there are knots, a line from knot to knot.

    knots: (logit, calibrated logit), two or more, both rising; before the first and behind the last the map goes on with a slope of 1.

    >>> Calibrator(slope=0.5, intercept=1.0)([0.0, 2.0]).tolist()
    [1.0, 2.0]
    >>> bent = Calibrator(knots=((-1.0, -3.0), (1.0, 1.0)))
    >>> bent([-2.0, 0.0, 1.0, 3.0]).tolist()
    [-4.0, -1.0, 1.0, 3.0]
    """

    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not (isfinite(self.slope) and self.slope > 0 and isfinite(self.intercept)):
            raise ValueError("the slope is above 0 and finite, the intercept finite")
        if len(self.knots) == 1 or not np.isfinite(self.knots).all() or (np.diff(self.knots, axis=0) <= 0).any():
            raise ValueError("knots are two or more, finite, and rise in both")

    def __call__(self, logits: ArrayLike) -> Floats:
        """Calibrated logits of any shape; NaN stays NaN."""
        given = np.asarray(logits, dtype=np.float64)
        if not self.knots:
            return np.asarray(self.slope * given + self.intercept)
        x, y = np.array(self.knots).T
        beyond = np.minimum(given - x[0], 0.0) + np.maximum(given - x[-1], 0.0)
        return np.asarray(np.interp(given, x, y) + beyond)

    @property
    def inverse(self) -> Calibrator:
        """The map back.

        >>> bent = Calibrator(knots=((-1.0, -3.0), (1.0, 1.0)))
        >>> bent.inverse(bent([-2.0, 0.5, 3.0])).tolist()
        [-2.0, 0.5, 3.0]
        """
        if self.knots:
            return Calibrator(knots=tuple((calibrated, given) for given, calibrated in self.knots))
        return Calibrator(1 / self.slope, -self.intercept / self.slope)
