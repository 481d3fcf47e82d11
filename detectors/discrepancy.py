"""Discrepancy: how far two sets of embeddings lie apart in the kernel's space, and how far they would by chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri

from detectors.kernel import STEP
from detectors.tally import Tally

WEEK = 7
LEAST_DAYS = 8
"""Days, and whole weeks, below which the scatter between them says nothing."""
ROWS_AT_ONCE = 4096

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Null:
    """What the reference teaches about chance.

    With S the covariance of the Fourier features of one film: spread is its trace, freedom is trace(S)^2 / trace(S^2), the
    degrees of freedom of the chi-square that the weighted sum of chi-squares is replaced by (Satterthwaite). dispersion: how much more
    than independent films the days and weeks of the reference scatter around their mean, at least 1.
    """

    spread: float
    freedom: float
    dispersion: float


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Two sets of embeddings compared. distance: in units of the reference's spread, free of bias, 0 without a shift; p: of chance."""

    distance: float
    p: float
    null: Null
    harmonic: float

    def critical(self, level: float) -> float:
        """Return the distance that a p-value of `level` stands for."""
        return sqrt(max(float(chdtri(self.null.freedom, level)) / self.null.freedom - 1, 0.0) / self.harmonic)


def compare(null: Null, reference: Tally, window: Tally) -> Discrepancy:
    """Compare the mean Fourier features of a window with those of the reference.

    T = |mean - reference mean|^2 estimates the squared maximum mean discrepancy. Without a shift E[T] = spread phi (1/n + 1/m), and
    T over that is about a chi-square over its degrees of freedom. distance = sqrt((T - E[T]) / spread).

    Source:
        Gretton et al. 2012, Journal of Machine Learning Research 13:723; Satterthwaite 1946, Biometrics Bulletin 2:110.
    """
    then, now = reference.waves(), window.waves()
    return of_means(null, then[1:] / then[0], float(then[0]), now[1:] / now[0], float(now[0]))


def of_means(null: Null, then: Floats, m: float, now: Floats, n: float) -> Discrepancy:
    """Compare two means of Fourier features, in steps of 1/8, of m and n films."""
    squared = float(((now - then) ** 2).sum()) / STEP**2
    harmonic = n * m / (n + m) / null.dispersion
    ratio = squared * harmonic / null.spread
    return Discrepancy(sqrt(max(ratio - 1, 0.0) / harmonic), float(chdtrc(null.freedom, ratio * null.freedom)), null, harmonic)


def learn(waves: NDArray[np.int8], days: NDArray[np.int64]) -> Null | None:
    """Learn the null from the waves of the reference's films [n, 512] and their days; None where there are too few.

    trace(S^2) is freed of the bias that n films leave in it.
    """
    n = len(waves)
    if n < 3 or not waves.shape[1]:  # noqa: PLR2004  (a covariance free of bias divides by n - 2)
        return None
    covariance = _covariance(waves)
    trace, squares = float(np.trace(covariance)), float((covariance**2).sum())
    free = (squares - trace**2 / (n - 1)) * (n - 1) ** 2 / ((n - 2) * (n + 1))
    if trace <= 0 or free <= 0:
        return None
    numbers, index = np.unique(days, return_inverse=True)
    sums = np.zeros((len(numbers), waves.shape[1]))
    for place in range(len(numbers)):
        sums[place] = waves[index == place].sum(axis=0, dtype=np.int64) / STEP
    counts = np.bincount(index).astype(np.float64)
    mean = sums.sum(axis=0) / n
    excess = sums - counts[:, None] * mean
    weeks = (numbers - numbers.min()) // WEEK
    scatter = max(_scatter(excess, counts, range(len(numbers)), trace), _scatter(excess, counts, weeks.tolist(), trace))
    return Null(trace, trace**2 / free, max(1.0, scatter))


def _scatter(excess: Floats, counts: Floats, clusters: Iterable[int], trace: float) -> float:
    """Mean squared deviation of the clusters' means from the whole, over that of as many independent films."""
    _, place = np.unique(list(clusters), return_inverse=True)
    size = int(place.max()) + 1
    if size < LEAST_DAYS:
        return 1.0
    sums, n = np.zeros((size, excess.shape[1])), np.bincount(place, weights=counts)
    np.add.at(sums, place, excess)
    expected = trace * (1 - n / n.sum())
    return float(((sums**2).sum(axis=1) / n).sum() / expected.sum())


def _covariance(waves: NDArray[np.int8]) -> Floats:
    size = waves.shape[1]
    mean = waves.sum(axis=0, dtype=np.int64) / len(waves)
    squares = np.zeros((size, size))
    for start in range(0, len(waves), ROWS_AT_ONCE):
        part = waves[start : start + ROWS_AT_ONCE] - mean
        squares += part.T @ part
    return squares / (len(waves) - 1) / STEP**2
