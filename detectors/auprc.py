"""AUPRC: of the films that the model puts first, how many are positive, averaged over all positives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.classes import Place, class_histograms
from detectors.intervals import Z
from detectors.measurement import Interval, Measurement, Verdict
from detectors.plan import ALL
from detectors.precision import average_precision
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally

NAME = "auprc"
SHOWN, JUDGED = 20, 50
"""Positives and negatives, each, from which it is shown and judged."""
MINIMUM_ODDS_RATIO = 1.25
"""A fall of its odds below this is not worth a verdict."""

Floats = NDArray[np.float64]


def auprc(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the area under the precision-recall curve of every finding, over all films; only a fall breaches.

    By steps over 1,000 score bins (average precision). It rises and falls with prevalence: read it beside `observed_prevalence`; a model
    that knows nothing has the prevalence itself. So the limit is what the reference's positives and negatives would give at the window's
    prevalence, less log(1.25) in log odds and z standard errors of window and reference. Interval on the logit scale, variance times phi.

    Returns:
        One measurement a finding; shown from 20 positives and 20 negatives, judged from 50 and 50. n: labels.

    Source:
        Saito and Rehmsmeier 2015, PLoS ONE 10:e0118432; Boyd, Eng, Page 2013 (ECML).
    """
    return auprc_of(reference, window, [(finding, ALL) for finding in reference.schema.findings])


def auprc_of(reference: Reference, window: Mapping[str, Tally], places: Sequence[Place]) -> list[Measurement]:
    """Measure it for these findings and cells."""
    now, then = class_histograms(window, places), _reference_histograms(reference, tuple(places))
    events, events_then = now.sum(axis=2), then.sum(axis=2)
    usable = np.where(events.min(axis=1) >= SHOWN)[0]
    found = average_precision(now[usable, 0], now[usable, 1])
    usual = average_precision(*_at_prevalence(then[usable], events[usable], events_then[usable]))
    measured = [_insufficient(place, int(total)) for place, total in zip(places, events.sum(axis=1), strict=True)]
    for row, at in enumerate(usable.tolist()):
        finding, cell = places[at]
        phi = reference.dispersion_of("performance", cell=cell, finding=finding)
        value, error = float(found.value[row]), _logit_error(found.value[row], found.variance[row], phi)
        center, n = _logit(value), int(events[at].sum())
        interval = Interval(min(value, float(expit(center - Z * error))), max(value, float(expit(center + Z * error))))
        if min(events[at].min(), events_then[at].min()) < JUDGED:
            reason = f"{JUDGED} positives and {JUDGED} negatives needed for a verdict, in the window and in the reference"
            measured[at] = Measurement(NAME, value, n, interval, None, Verdict.INSUFFICIENT, reason, cell, finding)
            continue
        error_then = _logit_error(usual.value[row], usual.variance[row], phi)
        reach = Z * float(np.hypot(error, error_then))
        limit = float(expit(_logit(float(usual.value[row])) - log(MINIMUM_ODDS_RATIO) - reach))
        verdict = Verdict.BREACHED if value < limit else Verdict.WITHIN
        measured[at] = Measurement(NAME, value, n, interval, limit, verdict, cell=cell, finding=finding)
    return measured


@lru_cache(maxsize=REFERENCES_HELD)
def _reference_histograms(reference: Reference, places: tuple[Place, ...]) -> Floats:
    return class_histograms(reference.tallies, places)


def _at_prevalence(then: Floats, events: Floats, events_then: Floats) -> tuple[Floats, Floats]:
    """Weigh the reference's classes so that their proportion is the window's; no class becomes more than it is."""
    ratio = events / np.maximum(events_then, 1)
    weights = ratio / np.maximum(ratio.max(axis=1, keepdims=True), 1e-300)
    return then[:, 0] * weights[:, :1], then[:, 1] * weights[:, 1:]


def _insufficient(place: Place, n: int) -> Measurement:
    return Measurement.insufficient(NAME, n, f"{SHOWN} positives and {SHOWN} negatives needed", finding=place[0], cell=place[1])


def _logit(value: float) -> float:
    return float(logit(np.clip(value, 1e-9, 1 - 1e-9)))


def _logit_error(value: float, variance: float, dispersion: float) -> float:
    held = float(np.clip(value, 1e-6, 1 - 1e-6))
    return float(np.sqrt(dispersion * variance)) / (held * (1 - held))
