"""Level: how far a rate has wandered by now, as it did while nothing was wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.reference import Reference
from detectors.series import Counts

STEP = 2.0
"""Standard deviations that one day may move the level: a larger jump is not believed to be wander."""
SMALLEST = 1e-12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """What is known of each series' level: log odds above the reference's, mean and variance [series]."""

    mean: Floats
    variance: Floats

    @classmethod
    def start(cls, reference: Reference) -> Level:
        """Nothing but the reference's own wander."""
        return cls(np.zeros(len(reference.series)), reference.estimates.level.copy())

    def tomorrow(self, reference: Reference) -> Level:
        """Carry the level one day on: it decays towards the reference, and its variance grows."""
        known = reference.estimates
        return Level(known.persistence * self.mean, known.persistence**2 * self.variance + (1 - known.persistence**2) * known.level)

    def learn(self, reference: Reference, today: Counts) -> Level:
        """Take in a day's counts; the level before them is this one.

        A Kalman filter on the log odds. With information I = sum n p (1 - p) at the level, the day says (k - n p) / I with variance
        1 / I + white. The step is at most STEP standard deviations, the level at most the reference's reach: a change beyond what the
        reference showed is left for the evidence to see.
        """
        known, gather = reference.estimates, reference.gather
        p = expit(base(reference) + gather.by_row(self.mean))
        information = np.maximum(gather.by_series(today.n * p * (1 - p)), SMALLEST)
        noise = 1 / information + known.white
        gain = self.variance / (self.variance + noise)
        reach = STEP * np.sqrt(self.variance)
        step = np.clip(gain * gather.by_series(today.k - today.n * p) / information, -reach, reach)
        return Level(np.clip(self.mean + step, -known.reach, known.reach), (1 - gain) * self.variance)


def base(reference: Reference) -> Floats:
    """Log odds of the reference's rate in each row; half an event where it saw none, or nothing else [rows]."""
    half = 0.5 / np.maximum(reference.estimates.trials, 1)
    return np.asarray(logit(np.clip(reference.estimates.rates, half, 1 - half)))
