"""Principal components of the embedding, frozen with the reference, and the distance of a film from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 32
ROWS_NEEDED = 50
ROWS_OF_A_COMPONENT = 40
"""Embeddings of the reference behind each component: with fewer it would fit them better than it fits those to come."""
LEAST_VARIANCE = 1e-9
"""Share of the largest variance below which a direction is rounding."""
FOLDS = 5
DISTANCE = "embedding_distance"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """The directions in which the reference's embeddings vary most: z = (x - mean) @ components.T.

    mean: [d]. components: [k, d], unit length, largest variance first; k is 0 where the reference has too few embeddings.
    variances: of the components [k], then the sum of the variances of all other directions [k + 1].
    Projected in double precision, so the component of a row does not depend on which rows stand beside it.

    >>> rows = np.random.default_rng(0).normal(size=(400, 3)) * [5.0, 1.0, 0.1]
    >>> np.abs(Projection.of(rows, most=2).components).round(1).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """

    mean: Floats
    components: Floats
    variances: Floats

    @classmethod
    def of(cls, embedding: NDArray[np.floating[Any]], most: int = COMPONENTS, films: int = ROWS_OF_A_COMPONENT) -> Projection:
        """Principal components by the eigenvectors of the covariance, one for so many films; the sign makes the largest loading positive."""
        known = embedding[np.isfinite(embedding).all(axis=1)].astype(np.float64)
        dimensions = embedding.shape[1]
        if len(known) < ROWS_NEEDED or not dimensions:
            return cls(mean=np.zeros(dimensions), components=np.empty((0, dimensions)), variances=np.zeros(1))
        mean = known.mean(axis=0)
        variances, vectors = np.linalg.eigh(np.cov(known - mean, rowvar=False).reshape(dimensions, dimensions))
        keep = np.argsort(-variances, kind="stable")[: min(most, len(known) // films)]
        keep = keep[variances[keep] > max(variances.max(), 0.0) * LEAST_VARIANCE]
        components = vectors[:, keep].T
        largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
        rest = max(float(variances.sum() - variances[keep].sum()), 0.0)
        return cls(mean, np.ascontiguousarray(components * np.sign(largest)), np.append(variances[keep], rest))

    @classmethod
    def learn(cls, embedding: NDArray[np.floating[Any]]) -> tuple[Projection, Floats]:
        """Fit the reference's components, and read its films [n, k + 1] as `apply` does, each distance by components fitted without that film.

        Components fit the films that they were fitted to better than any to come; compared with distances within, a quiet
        stream would look strange from its first day. Films fall into five folds by their content, not by their order; those that are the same,
        say blank ones, are dealt out evenly, or the fold that had them all would be measured by components that know nothing of them.
        """
        projection = cls.of(embedding)
        read = projection.apply(embedding)
        if not projection.features:
            return projection, read
        content = np.array([crc32(row) for row in np.ascontiguousarray(embedding)])
        folds = (content + _copies(content)) % FOLDS
        for fold in range(FOLDS):
            out = folds == fold
            without = cls.of(embedding[~out], len(projection.components), ROWS_OF_A_COMPONENT * (FOLDS - 1) // FOLDS)
            if without.features and out.any():
                read[out, -1] = without.apply(embedding[out])[:, -1]
        return projection, read

    @property
    def directions(self) -> tuple[str, ...]:
        """Names of the components as numeric features, largest variance first."""
        return tuple(f"embedding_{number:02d}" for number in range(1, len(self.components) + 1))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of `apply`: the components, then the distance."""
        return (*self.directions, DISTANCE) if len(self.components) else ()

    def apply(self, embedding: NDArray[np.floating[Any]]) -> Floats:
        """Components and distance [n, k + 1] of embeddings [n, d], NaN where the embedding is missing; [n, 0] without components.

        distance: the mean of two parts, each 1 on average in the reference: the mean of z_j^2 / v_j over the components (Mahalanobis),
        and the squared length of what lies outside them over its variance there. A film unlike all others is several times that.

        Source:
            Lee, Lee, Lee, Shin 2018, arXiv 1807.03888 (Mahalanobis distance of features).
        """
        k = len(self.components)
        if not k or not embedding.shape[1]:
            return np.full((len(embedding), len(self.features)), np.nan)
        if embedding.shape[1] != len(self.mean):
            raise ValueError("the embedding has another dimension than the reference's")
        doubled = embedding.astype(np.float64)
        inside = doubled @ self.components.T - self.mean @ self.components.T
        length = np.einsum("ij,ij->i", doubled, doubled) - 2 * (doubled @ self.mean) + self.mean @ self.mean
        rest = np.maximum(length - np.einsum("ij,ij->i", inside, inside), 0.0)
        known = (inside**2) @ (1 / self.variances[:-1]) / k
        outside = rest / self.variances[-1] if self.variances[-1] > self.variances[0] * LEAST_VARIANCE else known
        return np.column_stack([inside, (known + outside) / 2])


def _copies(content: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the copies of each row.

    >>> _copies(np.array([7, 5, 7, 7])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(content, kind="stable")
    first = np.searchsorted(content[order], content[order])
    copies = np.empty(len(content), dtype=np.int64)
    copies[order] = np.arange(len(content)) - first
    return copies
