"""AUROC: how often a positive scores above a negative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.intervals import Z
from detectors.masses import Masses, masses_of
from detectors.measurement import Measurement
from detectors.patients import performance_dispersion
from detectors.placed import placed, spread_out
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally

NAME = "auroc"
SHOWN, JUDGED = 20, 50
"""Positives and negatives, each, from which it is shown and judged."""
TOO_FEW = f"{SHOWN} positives and {SHOWN} negatives needed"
NO_VERDICT = f"{JUDGED} positives and {JUDGED} negatives needed for a verdict, in the window and in the reference"
MINIMUM_ODDS_RATIO = 1.25
"""A fall of the odds of AUROC below this is not worth a verdict (.90 -> .88)."""


Counts = NDArray[np.int64] | NDArray[np.float64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Area:
    """AUROC and the variance of its logit."""

    value: float
    logit_variance: float


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """AUROC and the variance of its logit [places]."""

    value: Floats
    logit_variance: Floats


def auroc(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the area under the ROC curve, for every finding and cell; only a fall breaches.

    From 1,000 score bins uniform in logit: A = sum_b q_b (P_{>b} + p_b / 2), with p, q the shares of positives and negatives in bin b
    (at most sum p_b q_b / 2 from the value on raw scores). Variance by DeLong on the same bins, interval on the logit scale, which
    covers .89 where the plain one covers .84 (10 + 10 labels). The limit is the reference's logit, less log(1.25) for the smallest fall
    worth a verdict and z standard errors of window and reference together.

    Returns:
        One measurement a finding and cell, of all films (masses.py); shown from 20 positives and 20 negatives, judged from 50 and 50. n: labels.

    Source:
        DeLong, DeLong, Clarke-Pearson 1988, Biometrics 44:837; Pepe 2003, The Statistical Evaluation of Medical Tests, 5.2.5 (logit).
    """
    now, usual = masses_of(reference.schema, window, reference.schema.findings, reference.cells), _usual(reference)
    dispersion = performance_dispersion(reference, window)
    phi, events = np.array([dispersion(*place) for place in now.places]), now.events.min(axis=1)
    found = _areas(now, SHOWN)
    judged = (events >= JUDGED) & np.isfinite(usual.value)
    center, half = _logit(found.value), Z * np.sqrt(found.logit_variance * phi)
    limit = expit(_logit(usual.value) - log(MINIMUM_ODDS_RATIO) - Z * np.sqrt(phi * (usual.logit_variance + found.logit_variance)))
    columns = ((events < SHOWN).tolist(), judged.tolist(), now.reasons)
    return placed(
        NAME,
        now.places,
        now.labels,
        [(why or TOO_FEW) if few else "" if said else NO_VERDICT for few, said, why in zip(*columns, strict=True)],
        value=found.value,
        interval=(expit(center - half), expit(center + half)),
        limit=limit,
        breached=found.value < limit,
    )


def area(negatives: Counts, positives: Counts, scale: Floats | float = 1.0) -> Area:
    """AUROC from two histograms on the same ascending score bins, with DeLong's variance on the logit scale.

    scale: films that one label stands for, in each bin.

    >>> found = area(np.array([6, 3, 1]), np.array([1, 3, 6]))
    >>> round(found.value, 3), round(found.logit_variance, 2)
    (0.825, 0.41)
    """
    spread = np.broadcast_to(np.asarray(scale, dtype=np.float64), negatives.shape)
    found = areas(negatives[None], positives[None], spread[None])
    return Area(float(found.value[0]), float(found.logit_variance[0]))


def areas(negatives: Counts, positives: Counts, scale: Floats) -> Areas:
    """AUROC of many places at once; each has some of both [places, bins]."""
    m, n = positives.sum(axis=1), negatives.sum(axis=1)
    above_negatives = (np.cumsum(negatives, axis=1) - negatives / 2) / n[:, None]
    below_positives = (m[:, None] - np.cumsum(positives, axis=1) + positives / 2) / m[:, None]
    value = np.einsum("pb,pb->p", positives, above_negatives) / m
    weighed, weighed_below = positives * scale, negatives * scale
    spread, spread_below = weighed.sum(axis=1), weighed_below.sum(axis=1)
    labels, labels_below = m**2 / spread, n**2 / spread_below  # plain labels that would say as much
    variance = np.einsum("pb,pb->p", weighed, (above_negatives - value[:, None]) ** 2) / spread / (labels - 1)
    variance += np.einsum("pb,pb->p", weighed_below, (below_positives - value[:, None]) ** 2) / spread_below / (labels_below - 1)
    least = 0.5 / (labels * labels_below)
    held = np.clip(value, least, 1 - least)
    return Areas(value, np.maximum(variance, least**2) / (held * (1 - held)) ** 2)


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Areas:
    """What the reference itself shows, wherever it has labels enough for a verdict."""
    return _areas(masses_of(reference.schema, reference.tallies, reference.schema.findings, reference.cells), JUDGED)


def _areas(masses: Masses, needed: int) -> Areas:
    """Every place that has so many events; NaN elsewhere."""
    rows, count = np.flatnonzero(masses.events.min(axis=1) >= needed), len(masses.places)
    found = areas(*masses.ranked(rows))
    return Areas(spread_out(found.value, rows, count), spread_out(found.logit_variance, rows, count))


def _logit(value: Floats) -> Floats:
    return np.asarray(logit(np.clip(value, 1e-9, 1 - 1e-9)))
