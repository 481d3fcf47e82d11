"""Classes: score histograms of negatives and positives, of many findings and cells at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.schema import NEGATIVE, POSITIVE, SCORE_BINS
from detectors.tally import Tally

Place = tuple[str, str]
"""A finding in a cell."""

Floats = NDArray[np.float64]


def class_histograms(window: Mapping[str, Tally], places: Sequence[Place]) -> Floats:
    """Read labelled score histograms, negatives first [places, 2, score bins]; zeros where the window lacks the cell."""
    found = np.zeros((len(places), 2, SCORE_BINS))
    for row, (finding, cell) in zip(found, places, strict=True):
        if cell in window:
            row[:] = window[cell].scores(finding)[NEGATIVE : POSITIVE + 1]
    return found


def class_decisions(window: Mapping[str, Tally], places: Sequence[Place]) -> Floats:
    """Read labelled decisions at the operating point, negatives first, below before flagged [places, 2, 2]."""
    found = np.zeros((len(places), 2, 2))
    for row, (finding, cell) in zip(found, places, strict=True):
        if cell in window:
            row[:] = window[cell].decisions(finding)[NEGATIVE : POSITIVE + 1]
    return found
