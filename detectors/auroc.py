"""AUROC: how often a positive scores above a negative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.intervals import Z
from detectors.masses import Masses, masses_of
from detectors.measurement import Interval, Measurement, Verdict
from detectors.patients import performance_dispersion
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally

NAME = "auroc"
SHOWN, JUDGED = 20, 50
"""Positives and negatives, each, from which it is shown and judged."""
MINIMUM_ODDS_RATIO = 1.25
"""A fall of the odds of AUROC below this is not worth a verdict (.90 -> .88)."""


Counts = NDArray[np.int64] | NDArray[np.float64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Area:
    """AUROC and the variance of its logit."""

    value: float
    logit_variance: float


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
    now, then = masses_of(reference.schema, window, reference.schema.findings, reference.cells), _usual(reference)
    phi = performance_dispersion(reference, window)
    return [_measure(now, then, row, phi(*now.places[row])) for row in range(len(now.places))]


def area(negatives: Counts, positives: Counts, scale: Floats | float = 1.0) -> Area:
    """AUROC from two histograms on the same ascending score bins, with DeLong's variance on the logit scale.

    scale: films that one label stands for, in each bin.

    >>> found = area(np.array([6, 3, 1]), np.array([1, 3, 6]))
    >>> round(found.value, 3), round(found.logit_variance, 2)
    (0.825, 0.41)
    """
    m, n = positives.sum(), negatives.sum()
    above_negatives = (np.cumsum(negatives) - negatives / 2) / n
    below_positives = (m - np.cumsum(positives) + positives / 2) / m
    value = float((positives * above_negatives).sum() / m)
    spread, spread_below = (positives * scale).sum(), (negatives * scale).sum()
    labels, labels_below = m**2 / spread, n**2 / spread_below  # plain labels that would say as much
    variance = (positives * scale * (above_negatives - value) ** 2).sum() / spread / (labels - 1)
    variance += (negatives * scale * (below_positives - value) ** 2).sum() / spread_below / (labels_below - 1)
    least = 0.5 / (labels * labels_below)
    held = min(max(value, least), 1 - least)
    return Area(value, float(max(variance, least**2) / (held * (1 - held)) ** 2))


def _measure(now: Masses, then: Mapping[int, Area], row: int, phi: float) -> Measurement:
    (finding, cell), n, events = now.places[row], int(now.labels[row]), float(now.events[row].min())
    if events < SHOWN:
        reason = now.reasons[row] or f"{SHOWN} positives and {SHOWN} negatives needed"
        return Measurement.insufficient(NAME, n, reason, cell=cell, finding=finding)
    one = area(now.negatives[row], now.positives[row], now.scale[row])
    center, half = float(logit(np.clip(one.value, 1e-9, 1 - 1e-9))), Z * sqrt(one.logit_variance * phi)
    interval = Interval(float(expit(center - half)), float(expit(center + half)))
    if events < JUDGED or row not in then:
        reason = f"{JUDGED} positives and {JUDGED} negatives needed for a verdict, in the window and in the reference"
        return Measurement(NAME, one.value, n, interval, None, Verdict.INSUFFICIENT, reason, cell, finding)
    limit = _limit(then[row], one, phi)
    verdict = Verdict.BREACHED if one.value < limit else Verdict.WITHIN
    return Measurement(NAME, one.value, n, interval, limit, verdict, cell=cell, finding=finding)


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Mapping[int, Area]:
    """What the reference itself shows, by place, wherever it has labels enough for a verdict."""
    then = masses_of(reference.schema, reference.tallies, reference.schema.findings, reference.cells)
    judged = np.flatnonzero(then.events.min(axis=1) >= JUDGED).tolist()
    return {row: area(then.negatives[row], then.positives[row], then.scale[row]) for row in judged}


def _limit(then: Area, now: Area, phi: float) -> float:
    reach = Z * sqrt(phi * (then.logit_variance + now.logit_variance))
    return float(expit(logit(np.clip(then.value, 1e-9, 1 - 1e-9)) - log(MINIMUM_ODDS_RATIO) - reach))
