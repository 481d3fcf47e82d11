"""Silence: evidence that a source of films has stopped, from how long nothing has come from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.series import Counts
from detectors.sources import REST, Sources, at_work, weekday

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Silence:
    """Where each source stands at the end of a day [sources].

    weight: Shiryaev-Roberts evidence R that it has stopped. since: first working day without a film, -1 while films come.
    missed: films since then that could have come from it.
    """

    weight: NDArray[np.float32]
    since: NDArray[np.int32]
    missed: NDArray[np.int64]

    @classmethod
    def start(cls, sources: Sources) -> Silence:
        """Nothing is silent."""
        count = len(sources.series)
        return cls(np.zeros(count, np.float32), np.full(count, -1, np.int32), np.zeros(count, np.int64))

    def after(self, sources: Sources, day: int, today: Counts, cap: float, most: float) -> Silence:
        """Fold one day.

        If a source has stopped, a day brings no film of it, whatever the day; while it works as in the reference, a day like this
        brings none with chance p, known from its own pauses (sources.py). So the likelihood ratio of a day is 1 / p without a film and 0
        with one, and R = (1 + R_yesterday) / p, or 0: time since last seen, counted in what is unusual for this source.
        On a day on which others, too, send only a share f of their films for this weekday (a holiday, a network that is down), it
        is p**f, as for counts whose mean is lower by f: where nobody sends, silence is no news of one source but of the whole.
        A weekday of rest has p near 1.

        Args:
            sources: What is watched, with its habits.
            day: Day number.
            today: What the sources count today.
            cap: Largest likelihood ratio of a day: one silent day never pages.
            most: At which R is held.
        """
        habits, at = sources.habits, int(weekday(np.array(day)))
        others = today.n - today.k
        share = at_work(others, habits.around[at])
        silent, began = today.k == 0, self.since >= 0
        chance = np.where(began, habits.again[at], habits.first[at])
        ratio = np.minimum(chance**-share, cap)
        weight = np.minimum((1.0 + self.weight.astype(np.float64)) * ratio, most)
        begins = silent & ~began & (habits.first[at] < REST)
        return Silence(
            weight=np.where(silent, weight, 0.0).astype(np.float32),
            since=np.where(silent, np.where(begins, day, self.since), -1).astype(np.int32),
            missed=np.where(silent & (began | begins), self.missed + others, 0),
        )
