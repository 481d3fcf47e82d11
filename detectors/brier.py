"""Brier score: the mean squared distance between probability and truth."""

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
from detectors.schema import BRIER
from detectors.tally import Tally
from detectors.unbinned import OF_BINS, binned, unbinned

NAME = "brier_score"
NEEDED = 50
TOO_FEW = f"{NEEDED} labels needed, in the window and in the reference"
MINIMUM_RISE = 0.10
"""Share of the reference's score by which it must rise."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Score of each place, its variance before dispersion, and plain labels that would say as much [places]."""

    value: Floats
    variance: Floats
    worth: Floats


def brier(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the Brier score, the mean of (p - y)^2 over all films, for every finding and cell; only a rise breaches. Less is better.

    What was read stands for films of like score that were not (masses.py): weights, strata and soft labels included; a soft label y counts
    y (1 - p)^2 + (1 - y) p^2. Where every film has one plain label the value is exact (fixed-point sums). Its standard error is that of
    the labels' losses, each with the films that it stands for, times sqrt(phi). The limit is the reference's score, a tenth more, and z
    standard errors of window and reference together. It follows prevalence as well as calibration.

    Returns:
        One measurement a finding and cell; `insufficient` below 50 labels in the window or in the reference. n: labels.

    Source:
        Brier 1950, Monthly Weather Review 78:1.
    """
    now = masses_of(reference.schema, window, reference.schema.findings, reference.cells)
    found, usual = _scored(reference, window, now), _usual(reference)
    phi = np.array([reference.dispersion_of("calibration", cell=cell, finding=finding) for finding, cell in now.places])
    known = np.rint(np.minimum(found.worth, usual.worth)) >= NEEDED
    value, half = np.where(known, found.value, np.nan), Z * np.sqrt(phi * found.variance)
    limit = usual.value * (1 + MINIMUM_RISE) + Z * np.sqrt(phi * (found.variance + usual.variance))
    return placed(
        NAME,
        now.places,
        now.labels,
        ["" if said else why or TOO_FEW for said, why in zip(known.tolist(), now.reasons, strict=True)],
        value=value,
        interval=(np.maximum(0.0, value - half), np.minimum(1.0, value + half)),
        limit=limit,
        breached=value > limit,
    )


def _scored(reference: Reference, window: Mapping[str, Tally], masses: Masses) -> Scored:
    films, losses = np.maximum(masses.films, 1e-12), OF_BINS[BRIER]
    mean = binned(masses, BRIER) / films
    spread = np.einsum("pcb,pb,pcb->p", masses.scores, masses.scale, (losses[None] - mean[:, None, None]) ** 2)
    value = mean + unbinned(reference.schema, window, reference.schema.findings, reference.cells)[0]
    return Scored(value, spread / films**2, masses.events.sum(axis=1))


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Scored:
    """What the reference itself shows."""
    then = masses_of(reference.schema, reference.tallies, reference.schema.findings, reference.cells)
    return _scored(reference, reference.tallies, then)
