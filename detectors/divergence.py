"""Divergence of two histograms: how different, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri, rel_entr, xlogy

from detectors.intervals import Z
from detectors.measurement import Interval

GROUPS = 10
"""Groups of about equal reference share that a histogram is merged into: few enough for the chi-square to hold at 50 observations."""
RARE = 0.01
"""Categories below this share of the reference are compared as one."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Divergence:
    """Two histograms compared.

    distance: bias-corrected Jensen-Shannon distance, 0 to 1. p: of the G-test. freedom: its degrees of freedom.
    harmonic: n m / (n + m) / phi, what both sample sizes are worth together.
    """

    distance: float
    p: float
    freedom: int
    harmonic: float

    @property
    def interval(self) -> Interval:
        """95 % interval of the distance, from the noncentral chi-square of the test (normal approximation)."""
        excess = 8 * log(2) * self.harmonic * self.distance**2
        half = Z * sqrt(2 * (self.freedom + 2 * excess))
        return Interval(self._distance(excess - half), self._distance(excess + half))

    def critical(self, level: float) -> float:
        """Return the distance that a p-value of `level` stands for at these sample sizes (first order)."""
        return self._distance(float(chdtri(self.freedom, level)) - self.freedom)

    def _distance(self, excess: float) -> float:
        return min(1.0, sqrt(max(excess, 0.0) / (8 * log(2) * self.harmonic)))


def compare(reference: Counts, window: Counts, dispersion: float) -> Divergence:
    """Compare two histograms on the same bins by G-test and Jensen-Shannon distance.

    With shares p, q and their mean m, JS = (KL(p||m) + KL(q||m)) / 2 bits. Under no change E[JS] = (B - 1) phi (1/n + 1/m) / (8 ln 2),
    which is subtracted; the distance is the root of the rest, about 0.42 times the shift in standard deviations. So it measures
    the shift and not the sample size. Significance is that of the G-test, 2 sum O ln(O / E), with Williams' correction,
    divided by phi (Rao and Scott's first-order correction for clusters), chi-square with B - 1 degrees of freedom.

    Args:
        reference: Counts [B].
        window: Counts [B].
        dispersion: phi, at least 1.

    Source:
        Lin 1991, IEEE Transactions on Information Theory 37:145; Williams 1976, Biometrika 63:33; Rao and Scott 1984, Annals of
        Statistics 12:46.

    >>> same = compare(np.array([400, 300, 300]), np.array([40, 30, 30]), 1.0)
    >>> other = compare(np.array([400, 300, 300]), np.array([20, 30, 50]), 1.0)
    >>> round(same.distance, 2), round(other.distance, 2), round(same.p, 2), other.p < 0.001
    (0.0, 0.2, 1.0, True)
    """
    filled = (reference + window) > 0
    table = np.stack([reference[filled], window[filled]]).astype(np.float64)
    sizes, columns = table.sum(axis=1, keepdims=True), table.sum(axis=0)
    total, freedom = table.sum(), max(int(filled.sum()) - 1, 0)
    harmonic = float(sizes.prod() / total) / dispersion
    if not freedom:
        return Divergence(0.0, 1.0, 1, harmonic)
    shares = table / sizes
    bits = rel_entr(shares, shares.mean(axis=0)).sum() / (2 * log(2))
    distance = sqrt(max(bits - freedom / (8 * log(2) * harmonic), 0.0))
    g = 2 * (xlogy(table, table).sum() - xlogy(sizes, sizes).sum() - xlogy(columns, columns).sum() + total * log(total))
    correction = 1 + ((total / sizes).sum() - 1) * ((total / columns).sum() - 1) / (6 * total * freedom)
    return Divergence(distance, float(chdtrc(freedom, max(g, 0.0) / correction / dispersion)), freedom, harmonic)


def equal_groups(reference: Counts) -> NDArray[np.int64]:
    """Group of each ordered bin, so that every group holds about the same share of the reference [bins].

    >>> equal_groups(np.array([0, 50, 50, 100, 0])).tolist(), equal_groups(np.ones(20, dtype=int)).max()
    ([0, 1, 3, 7, 9], 9)
    """
    middle = np.cumsum(reference) - reference / 2
    return np.asarray(np.clip(middle * GROUPS / max(int(reference.sum()), 1), 0, GROUPS - 1), dtype=np.int64)


def common_groups(reference: Counts) -> NDArray[np.int64]:
    """Group of each category: its own where it is common in the reference, one together for all others [bins].

    >>> common_groups(np.array([600, 390, 5, 5])).tolist()
    [0, 1, 2, 2]
    """
    common = reference >= RARE * max(int(reference.sum()), 1)
    return np.asarray(np.where(common, np.cumsum(common) - 1, common.sum()), dtype=np.int64)


def merge(counts: Counts, groups: NDArray[np.int64]) -> Counts:
    """Add up the bins of each group.

    >>> merge(np.array([1, 2, 3]), np.array([0, 1, 1])).tolist()
    [1, 5]
    """
    return np.bincount(groups, weights=counts).astype(np.int64)
