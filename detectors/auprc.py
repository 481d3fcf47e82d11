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
from detectors.measurement import Measurement
from detectors.patients import performance_dispersion
from detectors.placed import placed, spread_out
from detectors.precision import SMALLEST, AveragePrecision, average_precision
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally

NAME = "auprc"
SHOWN, JUDGED = 20, 50
"""Positives and negatives, each, from which it is shown and judged."""
TOO_FEW = f"{SHOWN} positives and {SHOWN} negatives needed"
NO_VERDICT = f"{JUDGED} positives and {JUDGED} negatives needed for a verdict, in the window and in the reference"
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
    found = average_precision(*now.ranked(shown))
    usual = average_precision(*_at_prevalence(then, now, shown))
    dispersion = performance_dispersion(reference, window)
    phi = np.array([dispersion(*now.places[row]) for row in shown.tolist()])
    error, usual_error = _logit_error(found, phi), _logit_error(usual, phi)
    center = _logit(found.value)
    limit = expit(_logit(usual.value) - log(MINIMUM_ODDS_RATIO) - Z * np.hypot(error, usual_error))
    low, high = np.minimum(found.value, expit(center - Z * error)), np.maximum(found.value, expit(center + Z * error))
    value, low, high, limit = (spread_out(one, shown, len(now.places)) for one in (found.value, low, high, limit))
    columns = (now.reasons, np.isnan(value).tolist(), (np.minimum(now.events, then.events).min(axis=1) < JUDGED).tolist())
    return placed(
        NAME,
        now.places,
        now.labels,
        [(why or TOO_FEW) if few else NO_VERDICT if unsaid else "" for why, few, unsaid in zip(*columns, strict=True)],
        value=value,
        interval=(low, high),
        limit=limit,
        breached=value < limit,
    )


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Masses:
    return masses_of(reference.schema, reference.tallies, reference.schema.findings, reference.cells)


def _at_prevalence(then: Masses, now: Masses, rows: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Weigh the reference's classes so that their proportion is the window's; no class becomes more than it is."""
    ratio = now.decisions[rows].sum(axis=2) / np.maximum(then.decisions[rows].sum(axis=2), 1)
    weights = ratio / np.maximum(ratio.max(axis=1, keepdims=True), SMALLEST)
    negatives, positives, scale = then.ranked(rows)
    return negatives * weights[:, :1], positives * weights[:, 1:], scale


def _logit(value: Floats) -> Floats:
    return np.asarray(logit(np.clip(value, 1e-9, 1 - 1e-9)))


def _logit_error(found: AveragePrecision, dispersion: Floats) -> Floats:
    held = np.clip(found.value, 1e-6, 1 - 1e-6)
    return np.asarray(np.sqrt(dispersion * found.variance) / (held * (1 - held)))
