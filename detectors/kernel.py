"""The kernel of the embedding: random Fourier features, whose means tell any two distributions apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WAVES = 256
"""Frequencies; each gives a cosine and a sine, 512 features in all."""
BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""In units of the median distance between two films of the reference; the kernel is the mean over them."""
STEP = 8
"""Waves are rounded to 1/8, so that sums are small integers, exact in any order. The rounding adds a four-hundredth to the variance of
a wave, and reference and window are rounded alike."""
PAIRS = 2000
SEED = 20170507

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """Gaussian kernels of several bandwidths, as the expectation of cos(w (x - y)) over frequencies w that are drawn once.

    frequencies: [components of the embedding, 256], frozen. For films x and y the mean over the features is an estimate of the
    kernel, so the squared distance between two mean feature vectors estimates the squared maximum mean discrepancy.

    Source:
        Rahimi and Recht 2007, NeurIPS 20 (random features); Gretton et al. 2012, Journal of Machine Learning Research 13:723 (MMD).
    """

    frequencies: NDArray[np.float32]

    @classmethod
    def of(cls, components: NDArray[np.floating[Any]]) -> Kernel:
        """Draw frequencies for the components [n, k] of the reference's embeddings."""
        known = components[np.isfinite(components).all(axis=1)]
        width = components.shape[1]
        if len(known) < 2 or not width:  # noqa: PLR2004  (a distance has two ends)
            return cls(np.empty((width, 0), dtype=np.float32))
        first = np.linspace(0, len(known) - 1, min(PAIRS, len(known))).astype(np.int64)
        distance = float(np.median(np.linalg.norm(known[first] - known[(first + len(known) // 2) % len(known)], axis=1)))
        drawn = np.random.default_rng(SEED).standard_normal((width, WAVES))
        bandwidths = np.resize(BANDWIDTHS, WAVES) * max(distance, np.finfo(np.float32).tiny)
        return cls((drawn / bandwidths).astype(np.float32))

    @property
    def size(self) -> int:
        """How many features there are."""
        return 2 * self.frequencies.shape[1]

    def waves(self, components: Floats) -> NDArray[np.int8]:
        """Cosines, then sines, of films that have an embedding [n, size], in steps of 1/8.

        Phases are computed in double precision and rounded to single, so a wave does not depend on which films stand beside it.
        """
        phases = (components @ self.frequencies.astype(np.float64)).astype(np.float32)
        waves = np.empty((len(phases), self.size), dtype=np.int8)
        half = self.frequencies.shape[1]
        waves[:, :half] = np.rint(np.cos(phases) * STEP)
        waves[:, half:] = np.rint(np.sin(phases) * STEP)
        return waves
