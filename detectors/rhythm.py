"""Rhythm: how each rate differs on Saturdays, and on Sundays and holidays, from working days."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.sources import weekday

WORKING, SATURDAY, SUNDAY = range(3)
KINDS = 3
DAYS_NEEDED = 4
"""Days of a kind in the reference before it has a profile of its own."""
HOLIDAY = 0.7
"""Share of a working day's films below which Sundays can be told by their number of films."""
DOUBT = 1.645
"""Standard errors of a shift that are no news on a day of its kind: 90 % of its posterior."""
SMALLEST = 1e-12

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Today:
    """What the kind of one day does to the log odds of each series, and by how much that may be off [series]."""

    shift: Floats
    doubt: Floats

    @classmethod
    def like_any(cls, series: int) -> Today:
        """A day like any other."""
        return cls(*np.zeros((2, series)))


@dataclass(frozen=True, slots=True, eq=False)
class Rhythm:
    """What kinds of days there are, and what each does to the log odds.

    films: usual films of a day of each kind [3]. shifts: log odds of each series above its rate in the reference [3, series]; doubts: by how
    much they may be off [3, series].
    """

    films: Floats
    shifts: Floats
    doubts: Floats

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name every array."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def none(cls, series: int) -> Rhythm:
        """Every day is like any other."""
        return cls(np.zeros(KINDS), *np.zeros((2, KINDS, series)))

    def on(self, day: int, films: int) -> Today:
        """Say what a day with so many films does to each series."""
        kind = int(kinds_of(np.array([day]), np.array([films]), self.films)[0])
        return Today(self.shifts[kind], self.doubts[kind])


def usual_films(days: Ints, films: Ints) -> Floats:
    """Median number of films of each kind of day, holidays aside [3]; 0 where there is none."""
    kinds = _by_weekday(days)
    return np.array([np.median(films[kinds == kind]) if (kinds == kind).any() else 0.0 for kind in range(KINDS)])


def kinds_of(days: Ints, films: Ints, usual: Floats) -> Ints:
    """Kind of each day; one with as few films as a Sunday is a holiday, where Sundays have few.

    >>> usual = np.array([100.0, 60.0, 25.0])
    >>> kinds_of(np.array([20_003, 20_004, 20_008, 20_009]), np.array([90, 30, 55, 99]), usual).tolist()
    [0, 2, 1, 2]
    """
    told = 0 < usual[SUNDAY] < HOLIDAY * usual[WORKING]
    holiday = told & (films <= np.sqrt(usual[SUNDAY] * usual[WORKING]))
    kinds = _by_weekday(days)
    return np.asarray(np.where(holiday & (kinds == WORKING), SUNDAY, kinds))


def learn_shifts(kinds: Ints, excess: Floats, information: Floats) -> tuple[Floats, Floats]:
    """Learn what each kind of day does to the log odds, and by how much that may be off [3, series].

    On day d the log odds are e_d / v_d above the mean, e = k - n p and v = n p (1 - p). A kind differs from working days by the difference z of
    their means, with the variance s^2 that its days and theirs show. z is shrunk by t / (t + s^2), t the variance of the true differences: the
    mean of z^2 - s^2 over all series, or that of the series itself where it is larger (a few series have a strong rhythm, most have none). What
    remains open is B s^2. Shifts are about the reference's mean, which stays.

    Args:
        kinds: Kind of each day [days].
        excess: e [days, series].
        information: v [days, series].

    Source:
        Efron and Morris 1973, JASA 68:117 (empirical Bayes).
    """
    sums = np.array([[one[kinds == kind].sum(axis=0) for kind in range(KINDS)] for one in (excess, information)])
    means = sums[0] / np.maximum(sums[1], SMALLEST)
    residual = (excess - information * means[kinds]) ** 2
    seen = np.maximum(np.array([residual[kinds == kind].sum(axis=0) for kind in range(KINDS)]), sums[1])
    spread = seen / np.maximum(sums[1], SMALLEST) ** 2
    enough = np.bincount(kinds, minlength=KINDS) >= DAYS_NEEDED
    apart = (enough & enough[WORKING])[:, None] & (sums[1] > SMALLEST)
    apart[WORKING] = False
    differs, error = np.where(apart, means - means[WORKING], 0.0), spread + spread[WORKING]
    surplus = np.where(apart, differs**2 - error, 0.0)
    common = np.where(apart, surplus / np.maximum(error, SMALLEST), 0.0).sum(axis=1) / np.maximum(
        (apart / np.maximum(error, SMALLEST)).sum(axis=1), SMALLEST
    )
    true = np.maximum(np.maximum(common, 0.0)[:, None], surplus)
    share = np.where(apart, true / np.maximum(true + error, SMALLEST), 0.0)
    kept = share * differs
    return kept - (sums[1] * kept).sum(axis=0) / np.maximum(sums[1].sum(axis=0), SMALLEST), DOUBT * np.sqrt(share * error)


def shifted(rates: Floats, shift: Floats) -> Floats:
    """Rates with their log odds moved; 0 and 1 stay.

    >>> shifted(np.array([0.0, 0.5]), np.array([1.0, 0.0])).tolist()
    [0.0, 0.5]
    """
    inside = (rates > 0) & (rates < 1)
    return np.where(inside, expit(logit(np.where(inside, rates, 0.5)) + shift), rates)


def _by_weekday(days: Ints) -> Ints:
    return np.asarray(np.maximum(weekday(days) - 4, WORKING))
