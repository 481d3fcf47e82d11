"""AUPRC: of the films that the model puts first, how many are positive, averaged over all positives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.intervals import Z
from detectors.masses import Masses, masses_of
from detectors.measurement import Interval, Measurement, Verdict
from detectors.patients import performance_dispersion
from detectors.precision import SMALLEST, average_precision
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally

NAME = "auprc"
SHOWN, JUDGED = 20, 50
"""Positives and negatives, each, from which it is shown and judged."""
MINIMUM_ODDS_RATIO = 1.25
"""A fall of its odds below this is not worth a verdict."""

Floats = NDArray[np.float64]


def auprc(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the area under the precision-recall curve for every finding and cell, over all films; only a fall breaches.

    By steps over 1,000 score bins (average precision). It rises and falls with prevalence: read it beside `observed_prevalence`; a model
    that knows nothing has the prevalence itself. So the limit is what the reference's positives and negatives would give at the window's
    prevalence, less log(1.25) in log odds and z standard errors of window and reference. Interval on the logit scale, variance times phi.

    Returns:
        One measurement a finding and cell; shown from 20 positives and 20 negatives, judged from 50 and 50. n: labels.

    Source:
        Saito and Rehmsmeier 2015, PLoS ONE 10:e0118432; Boyd, Eng, Page 2013 (ECML).
    """
    now, then = masses_of(reference.schema, window, reference.schema.findings, reference.cells), _usual(reference)
    shown = np.flatnonzero(now.events.min(axis=1) >= SHOWN)
    judged = then.events[shown].min(axis=1) >= JUDGED
    found = average_precision(now.negatives[shown], now.positives[shown], now.scale[shown])
    usual = average_precision(*_at_prevalence(then.at(shown), now.at(shown)))
    rows = {at: row for row, at in enumerate(shown.tolist())}
    dispersion, measured = performance_dispersion(reference, window), list[Measurement]()
    for at, (finding, cell) in enumerate(now.places):
        labels, phi = int(now.labels[at]), dispersion(finding, cell)
        if at not in rows:
            reason = now.reasons[at] or f"{SHOWN} positives and {SHOWN} negatives needed"
            measured.append(Measurement.insufficient(NAME, labels, reason, finding=finding, cell=cell))
            continue
        row = rows[at]
        value, error = float(found.value[row]), _logit_error(found.value[row], found.variance[row], phi)
        center = _logit(value)
        interval = Interval(min(value, float(expit(center - Z * error))), max(value, float(expit(center + Z * error))))
        if now.events[at].min() < JUDGED or not judged[row]:
            reason = f"{JUDGED} positives and {JUDGED} negatives needed for a verdict, in the window and in the reference"
            measured.append(Measurement(NAME, value, labels, interval, None, Verdict.INSUFFICIENT, reason, cell, finding))
            continue
        reach = Z * float(np.hypot(error, _logit_error(usual.value[row], usual.variance[row], phi)))
        limit = float(expit(_logit(float(usual.value[row])) - log(MINIMUM_ODDS_RATIO) - reach))
        verdict = Verdict.BREACHED if value < limit else Verdict.WITHIN
        measured.append(Measurement(NAME, value, labels, interval, limit, verdict, cell=cell, finding=finding))
    return measured


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Masses:
    return masses_of(reference.schema, reference.tallies, reference.schema.findings, reference.cells)


def _at_prevalence(then: Masses, now: Masses) -> tuple[Floats, Floats, Floats]:
    """Weigh the reference's classes so that their proportion is the window's; no class becomes more than it is."""
    ratio = now.decisions.sum(axis=2) / np.maximum(then.decisions.sum(axis=2), 1)
    weights = ratio / np.maximum(ratio.max(axis=1, keepdims=True), SMALLEST)
    return then.negatives * weights[:, :1], then.positives * weights[:, 1:], then.scale


def _logit(value: float) -> float:
    return float(logit(np.clip(value, 1e-9, 1 - 1e-9)))


def _logit_error(value: float, variance: float, dispersion: float) -> float:
    held = float(np.clip(value, 1e-6, 1 - 1e-6))
    return float(np.sqrt(dispersion * variance)) / (held * (1 - held))
