"""Principal components of the embedding, frozen with the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 16
ROWS_NEEDED = 50


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """The directions in which the reference's embeddings vary most: z = (x - mean) @ components.T.

    mean: [d]. components: [k, d], unit length, largest variance first; k is 0 where the reference has too few embeddings.
    Projected in double precision, so the component of a row does not depend on which rows stand beside it.

    >>> rows = np.random.default_rng(0).normal(size=(400, 3)) * [5.0, 1.0, 0.1]
    >>> np.abs(Projection.of(rows, most=2).components).round(1).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]

    @classmethod
    def of(cls, embedding: NDArray[np.floating[Any]], most: int = COMPONENTS) -> Projection:
        """Principal components by the eigenvectors of the covariance; the sign makes the largest loading positive."""
        known = embedding[np.isfinite(embedding).all(axis=1)].astype(np.float64)
        dimensions = embedding.shape[1]
        if len(known) < ROWS_NEEDED or not dimensions:
            return cls(mean=np.zeros(dimensions), components=np.empty((0, dimensions)))
        mean = known.mean(axis=0)
        variances, vectors = np.linalg.eigh(np.cov(known - mean, rowvar=False).reshape(dimensions, dimensions))
        keep = np.argsort(-variances, kind="stable")[:most]
        keep = keep[variances[keep] > variances.max() * 1e-9]
        components = vectors[:, keep].T
        largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
        return cls(mean=mean, components=np.ascontiguousarray(components * np.sign(largest)))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the components as numeric features."""
        return tuple(f"embedding_{number:02d}" for number in range(1, len(self.components) + 1))

    def apply(self, embedding: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Components [n, k] of embeddings [n, d]; NaN where the embedding is missing."""
        if embedding.shape[1] == 0:
            return np.full((len(embedding), len(self.components)), np.nan)
        if embedding.shape[1] != len(self.mean):
            raise ValueError("the embedding has another dimension than the reference's")
        return np.asarray(embedding.astype(np.float64) @ self.components.T - self.mean @ self.components.T)
