"""Paired: two models' answers to the same films, and a difference between them that is counted by patients."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import Z
from detectors.measurement import Interval

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """n labelled films that both models answered; all arrays are [n].

    truth: probability of the finding, 0 or 1 where readers agree.
    champion, challenger: a score of each; what kind of score, the functions that take a pair say.
    weights: films that one label stands for, at least 1.
    patients: a number for each patient; -1 where the film names none, who then is a patient of his own.
    """

    truth: Floats
    champion: Floats
    challenger: Floats
    weights: Floats
    patients: Numbers

    @classmethod
    def of(
        cls, truth: Floats, champion: Floats, challenger: Floats, weights: Floats | None = None, patients: Numbers | None = None
    ) -> Pair:
        """Films of equal weight and of one patient each, where nothing else is said.

        Raises:
            ValueError: The arrays are of different lengths, or a score is not finite, or the truth is no probability.
        """
        n = len(truth)
        pair = cls(
            np.asarray(truth, np.float64),
            np.asarray(champion, np.float64),
            np.asarray(challenger, np.float64),
            np.ones(n) if weights is None else np.asarray(weights, np.float64),
            np.full(n, -1) if patients is None else np.asarray(patients, np.int64),
        )
        if any(len(one) != n for one in (pair.champion, pair.challenger, pair.weights, pair.patients)):
            raise ValueError("the films of a pair are the same films")
        if not (np.isfinite(pair.champion).all() and np.isfinite(pair.challenger).all()):
            raise ValueError("a score is not finite")
        if not ((pair.truth >= 0) & (pair.truth <= 1)).all():
            raise ValueError("the truth is a probability")
        return pair

    def select(self, films: NDArray[np.bool_]) -> Pair:
        """Those films of it."""
        return self.take(np.flatnonzero(films))

    def take(self, rows: Numbers) -> Pair:
        """The films in these rows, each as often as it is named."""
        return Pair(self.truth[rows], self.champion[rows], self.challenger[rows], self.weights[rows], self.patients[rows])

    def of_scores(self, champion: Floats, challenger: Floats) -> Pair:
        """The same films with other scores."""
        return Pair(self.truth, champion, challenger, self.weights, self.patients)

    @property
    def groups(self) -> Numbers:
        """The number of each film's patient, counted from 0."""
        alone = self.patients < 0
        named = np.unique(self.patients[~alone], return_inverse=True)[1]
        groups = np.empty(len(self.patients), np.int64)
        groups[~alone] = named
        groups[alone] = (int(named.max()) + 1 if len(named) else 0) + np.arange(int(alone.sum()))
        return groups


@dataclass(frozen=True, slots=True)
class Difference:
    """Challenger less champion, and how sure that is.

    variance: of the value, films of one patient together. n: labelled films. patients: how many independent ones are behind them.
    """

    value: float
    variance: float
    n: int
    patients: int

    @property
    def error(self) -> float:
        """Standard error."""
        return sqrt(self.variance)

    @property
    def interval(self) -> Interval:
        """Two-sided 95 % for a single look."""
        return Interval(self.value - Z * self.error, self.value + Z * self.error)

    def negated(self) -> Difference:
        """The same where less is better."""
        return Difference(-self.value, self.variance, self.n, self.patients)


def by_patient(influence: Floats, groups: Numbers) -> Floats:
    """Sum of the influence values of each patient's films: what a patient more or less would change.

    >>> by_patient(np.array([1.0, 2.0, -1.0]), np.array([0, 1, 1])).tolist()
    [1.0, 1.0]
    """
    return np.bincount(groups, influence).astype(np.float64) if len(groups) else np.zeros(0)


def difference(value: float, influence: Floats, groups: Numbers) -> Difference:
    """Put a value together with the variance that its influence values give, summed by patient (the sandwich).

    influence: what each film adds to the error of the value [n]; sums to about 0.

    Source:
        Liang and Zeger 1986, Biometrika 73:13 (independence working model); Huber 1967.
    """
    sums = by_patient(influence, groups)
    many = len(sums)
    return Difference(value, float((sums**2).sum()) * many / max(many - 1, 1), len(groups), many)
