"""Spiegelhalter's Z: whether the probabilities, taken together, are too far from what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import Z
from detectors.masses import Masses, masses_of
from detectors.measurement import Measurement
from detectors.placed import placed
from detectors.reference import REFERENCES_HELD, Reference
from detectors.schema import EXCESS, VARIANCE
from detectors.tally import Tally
from detectors.unbinned import OF_BINS, binned, unbinned

NAME = "spiegelhalter_z"
EVENTS_NEEDED = 50
"""Positives and negatives, each; below, the normal approximation lies."""
TOO_FEW = f"{EVENTS_NEEDED} positives and {EVENTS_NEEDED} negatives needed, in the window and in the reference"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Excess and its standard deviation before dispersion, over all films; films; plain labels of the rarer class [places]."""

    excess: Floats
    deviation: Floats
    films: Floats
    events: Floats


def spiegelhalter(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the standardised excess of the Brier score over what calibrated probabilities would give, for every finding and cell.

    For labels y and probabilities p, Z = sum (y - p)(1 - 2p) / sqrt(phi sum s (1 - 2p)^2 p (1 - p)), standard normal when E[y | p] = p.
    Both sums are over all films, as far as they were read (masses.py); s is the films that one label stands for, 1 where all were read.
    A soft label scatters less than p (1 - p), so with many of them Z is on the careful side. Positive: too sure of itself. The limit is
    the Z at this n that the reference's own miscalibration leads to expect, plus 1.96 standard errors of window and reference together.

    Returns:
        Z (no unit; the limit is on |Z|); `insufficient` below 50 labels of either class in the window or in the reference. n: labels.

    Source:
        Spiegelhalter 1986, Statistics in Medicine 5:421.
    """
    now = masses_of(reference.schema, window, reference.schema.findings, reference.cells)
    found, usual = _sums(reference, window, now), _usual(reference)
    root = np.sqrt(np.array([reference.dispersion_of("calibration", cell=cell, finding=finding) for finding, cell in now.places]))
    known = np.rint(np.minimum(found.events, usual.events)) >= EVENTS_NEEDED
    scale, share = root * found.deviation, found.films / np.maximum(usual.films, 1e-12)
    value = np.where(known, found.excess / scale, np.nan)
    limit = np.abs(usual.excess) * share / scale + Z * np.hypot(1.0, root * usual.deviation * share / scale)
    return placed(
        NAME,
        now.places,
        now.labels,
        ["" if said else why or TOO_FEW for said, why in zip(known.tolist(), now.reasons, strict=True)],
        value=value,
        interval=(value - Z, value + Z),
        limit=limit,
        breached=np.abs(value) > limit,
    )


def _sums(reference: Reference, window: Mapping[str, Tally], masses: Masses) -> Sums:
    mended, films = unbinned(reference.schema, window, reference.schema.findings, reference.cells), masses.films
    spread = np.einsum("pcb,pb,cb->p", masses.scores, masses.scale, OF_BINS[VARIANCE])
    worth = np.divide(spread, binned(masses, VARIANCE), out=np.ones_like(spread), where=spread > 0)
    variance = np.maximum(spread + mended[2] * films * worth, 1e-9)
    return Sums(binned(masses, EXCESS) + mended[1] * films, np.sqrt(variance), films, masses.events.min(axis=1))


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Sums:
    """What the reference itself shows."""
    then = masses_of(reference.schema, reference.tallies, reference.schema.findings, reference.cells)
    return _sums(reference, reference.tallies, then)
