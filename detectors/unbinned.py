"""Unbinned: exact losses of plain labels, less what score bins make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.masses import Masses
from detectors.schema import BRIER, EXCESS, NEGATIVE, POSITIVE, VARIANCE, Schema, score_centers
from detectors.tally import Tally, tally_of

P = expit(score_centers())
OF_BINS = {
    BRIER: np.stack([P**2, (1 - P) ** 2]),
    EXCESS: np.stack([-P * (1 - 2 * P), (1 - P) * (1 - 2 * P)]),
    VARIANCE: np.stack([(1 - 2 * P) ** 2 * P * (1 - P)] * 2),
}
"""What a negative and a positive in the middle of each score bin add to a sum [2, 1000]."""

Floats = NDArray[np.float64]


def unbinned(schema: Schema, window: Mapping[str, Tally], findings: Sequence[str], cells: Sequence[str]) -> Floats:
    """Mean of a label's exact loss less that of its bin's middle, by kind (BRIER, EXCESS, VARIANCE) [3, places], finding by finding.

    It mends what comes of masses by some 1e-5, and makes it exact where every film has one plain label. Soft and weighted labels are
    known by bins only: where there are any it is 0.
    """
    tallies = [tally_of(schema, window, cell) for cell in cells]
    return np.concatenate([_mended(schema, tallies, finding) for finding in findings], axis=1)


def _mended(schema: Schema, tallies: Sequence[Tally], finding: str) -> Floats:
    counts = np.stack([one.scores(finding)[NEGATIVE : POSITIVE + 1] for one in tallies]).astype(np.float64)
    labels, exact = counts.sum(axis=(1, 2)), np.stack([one.losses(finding) for one in tallies])
    block = schema.blocks[f"mass/{finding}"]
    plain = (labels > 0) & ~np.array([block.of(one.vector).any() for one in tallies])
    lost = exact[:, list(OF_BINS)].T - np.einsum("kcb,pcb->kp", np.stack(list(OF_BINS.values())), counts)
    return np.asarray(np.where(plain, lost / np.maximum(labels, 1.0), 0.0))


def binned(masses: Masses, kind: int) -> Floats:
    """Sum over films by score bin [places]."""
    return np.asarray(np.einsum("pcb,cb->p", masses.scores, OF_BINS[kind]))
