"""Level: how far a rate has wandered by now, as it did while nothing was wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.reference import Reference
from detectors.series import Counts

STEP = 2.0
"""Standard deviations that one day may move the level: a larger jump is not believed to be wander."""
REACH = 3.0
"""Standard deviations of the reference's own wander beyond which no level is followed. A larger one follows a change that
lasts too, where rates wander slowly; a smaller one pages for wander."""
NOTHING = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """What the days before tell of each series' level today: log odds above the reference's, mean and variance [series].

    followed: share of a lasting offset that the mean has taken for wander by now [series]. The reference's rate may be off, and a level that is
    drawn back to a rate that is off surprises every day a little to the same side.
    """

    mean: Floats
    variance: Floats
    followed: Floats

    @classmethod
    def start(cls, reference: Reference) -> Level:
        """Nothing but the reference's own wander."""
        nothing = np.zeros(len(reference.series))
        return cls(nothing, reference.estimates.level.copy(), nothing)

    def after(self, reference: Reference, days: int) -> Level:
        """Carry the level some days on: it decays towards the reference, and its variance grows."""
        memory = reference.estimates.persistence**days
        variance = memory**2 * self.variance + (1 - memory**2) * reference.estimates.level
        return Level(memory * self.mean, variance, memory * self.followed)

    def learn(self, reference: Reference, today: Counts, shift: Floats) -> tuple[Level, Floats]:
        """Take in a day's counts; also tell the gain, the share of a surprise that was taken for wander [series].

        A Kalman filter on the log odds. With information I = sum n p (1 - p) at the level, the day says (k - n p) / I with variance
        c / I + white, c for clumps of films. A step of more than STEP standard deviations, and a level further than REACH of them, is no wander that the reference
        showed: it is left for the evidence to see. `shift` is what a day of this kind does to the log odds (rhythm.py) [series].
        """
        known, gather = reference.estimates, reference.gather
        p = expit(known.base + gather.by_row(self.mean + shift))
        information = np.maximum(gather.by_series(today.n * p * (1 - p)), NOTHING)
        gain = self.variance / (self.variance + known.clumps / information + known.white)
        step, reach = STEP * np.sqrt(self.variance), REACH * np.sqrt(known.level)
        moved = np.clip(gain * gather.by_series(today.k - today.n * p) / information, -step, step)
        mean, followed = np.clip(self.mean + moved, -reach, reach), self.followed + gain * (1 - self.followed)
        return Level(mean, (1 - gain) * self.variance, followed), gain
