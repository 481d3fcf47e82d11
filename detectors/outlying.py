"""How far an embedding lies from those of the reference, said as the share of the reference that lies further out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.packing import DecodeError, pack, unpack

KIND, VERSION = b"SWYS", 1
ROWS_NEEDED = 400
"""Half of them measure, the other half is measured; fewer say nothing about how far out is far."""
MOST_ROWS = 4000
MOST_DIMENSIONS = 256
"""Longer vectors are first projected on so many random directions, which keeps distances (Johnson and Lindenstrauss)."""
GRADES = np.linspace(0.0, 1.0, 101)
TAIL = 0.1
KNEE = 90
LEAST_SHARE = 1e-30
SMALLEST = 1e-12

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Yardstick:
    """Mahalanobis distance from the reference's mean, and how often films of the reference lie that far out.

    The distance is |whiten (x - mean)| with mean and covariance of one half of the reference, the covariance shrunk towards a
    multiple of the identity by k / (n + k). The shares are those of the other half, which had no part in them: what is true of
    it is true of new films of the same kind. Beyond the knee, which a tenth exceeds, the share follows a Pareto tail,
    0.1 (distance / knee) ** (-1 / index), its index by Hill's estimator: a lighter true tail means fewer flags than stated.

    mean: [d]. whiten: [k, d]. grades: [101], the distances that 0 to 100 % of the other half stay below.

    >>> rows = np.random.default_rng(0).normal(size=(4000, 3))
    >>> stick = Yardstick.of(rows, np.arange(4000) // 100)
    >>> [round(stick.surprise(np.array([x, 0.0, 0.0])), 1) for x in (0.0, 2.0, 9.0)]
    [0.0, 0.6, 5.2]
    """

    mean: Floats
    whiten: Floats
    grades: Floats
    index: float

    @classmethod
    def of(cls, rows: Floats, days: NDArray[Any], seed: int = 0) -> Yardstick | None:
        """The yardstick of the reference's embeddings [n, d]; None where fewer than 400 are finite, or nothing varies.

        Args:
            rows: Those that are not finite are left out, and of more than 4,000 a random 4,000 are taken.
            days: Day of each row [n]: the halves share no day, so what a day has of its own counts as distance.
            seed: Of the choice of rows and directions.
        """
        rng = np.random.default_rng(seed)
        finite = np.flatnonzero(np.isfinite(rows).all(axis=1)) if rows.shape[1] else np.empty(0, np.intp)
        if len(finite) < ROWS_NEEDED:
            return None
        chosen = np.sort(rng.permutation(finite)[:MOST_ROWS])
        known, measuring = rows[chosen].astype(np.float64), _half(np.asarray(days)[chosen])
        mean = known[measuring].mean(axis=0)
        whiten = _whitening(known[measuring] - mean, rng)
        if whiten is None:
            return None
        distances = np.linalg.norm((known[~measuring] - mean) @ whiten.T, axis=1)
        grades = np.maximum(np.quantile(distances, GRADES), SMALLEST)
        beyond = distances[distances > grades[KNEE]]
        index = float(np.mean(np.log(beyond / grades[KNEE]))) if len(beyond) else SMALLEST
        return cls(mean, whiten, grades, max(index, SMALLEST))

    def surprise(self, row: Floats) -> float:
        """-log10 of the share of the reference that lies further out than this row: 1 is one in ten, 3 one in a thousand, 30 the most."""
        if row.shape != self.mean.shape or not np.isfinite(row).all():
            return 0.0
        distance = float(np.linalg.norm(self.whiten @ (row.astype(np.float64) - self.mean)))
        return max(0.0, -float(np.log10(max(self._share_beyond(distance), LEAST_SHARE))))

    def _share_beyond(self, distance: float) -> float:
        knee = float(self.grades[KNEE])
        if distance > knee:
            return float(np.exp(max(np.log(TAIL) - np.log(distance / knee) / self.index, np.log(LEAST_SHARE))))
        return max(1.0 - float(np.interp(distance, self.grades, GRADES)), TAIL)

    def to_bytes(self) -> bytes:
        """Versioned bytes; no pickle."""
        arrays = {name: np.asarray(getattr(self, name), np.float32) for name in ("mean", "whiten", "grades")}
        return pack(KIND, VERSION, {"index": self.index}, arrays)

    @classmethod
    def from_bytes(cls, packed: bytes) -> Yardstick:
        """Undo `to_bytes`. Raises DecodeError for foreign or damaged bytes."""
        header, arrays = unpack(KIND, VERSION, packed)
        try:
            return cls(arrays["mean"], arrays["whiten"], arrays["grades"], float(header["index"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DecodeError("the yardstick is damaged") from error


def _half(days: NDArray[Any]) -> NDArray[np.bool_]:
    """Every other day; every other row where the days give no two halves."""
    by_day = np.unique(days, return_inverse=True)[1] % 2 == 0
    if 0.4 < by_day.mean() < 0.6:  # noqa: PLR2004 (about a half)
        return np.asarray(by_day)
    return np.asarray(np.arange(len(days)) % 2 == 0)


def _whitening(centred: Floats, rng: np.random.Generator) -> Floats | None:
    """The matrix [k, d] that makes rows [n, d] of one length in all directions; None where nothing varies."""
    n, dimensions = centred.shape
    k = min(dimensions, MOST_DIMENSIONS)
    directions = np.eye(k) if k == dimensions else rng.normal(size=(k, dimensions)) / np.sqrt(k)
    projected = centred @ directions.T
    covariance = projected.T @ projected / n
    level = float(np.trace(covariance)) / k
    if level <= SMALLEST:
        return None
    weight = k / (n + k)
    shrunk = (1.0 - weight) * covariance + weight * level * np.eye(k)
    return np.asarray(np.linalg.solve(np.linalg.cholesky(shrunk), directions))
