"""Estimated performance: how good the model would be found, from scores alone, where the kind of shift lets it be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import hypot, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.estimation import Calibrator, Estimated, estimate_rates, prior_shift
from detectors.intervals import Z
from detectors.masses import Masses, masses_of
from detectors.measurement import Interval, Measurement, Verdict
from detectors.plan import ALL
from detectors.reference import REFERENCES_HELD, Reference
from detectors.shift import Shift, identify
from detectors.tally import Tally, tally_of

RATES = ("sensitivity", "positive_predictive_value", "auroc")
VALIDITY = "estimate_validity"
SCORED = ("sensitivity", "positive_predictive_value")
EVENTS_NEEDED = 50
"""Positives and negatives, each, in the reference; flagged and positive films, expected, in the window."""
LABELS_NEEDED = 50
"""Positives (flagged) among the window's labels before an estimate is scored against them."""
STEADY, MOVED, UNKNOWN = 1.0, 0.5, 0.0
WORST_ERROR = 0.05
"""An estimate that lies farther than this from the truth, and surely so, was wrong."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What the reference teaches of one finding: what scores meant, and the rates that this leads to expect of itself."""

    calibrator: Calibrator
    usual: Mapping[str, Estimated]


def estimated_performance(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Estimate sensitivity, positive predictive value and AUROC of every finding before its labels are there, and score what labels there are.

    Which estimate is right depends on what has shifted (shift.py). Nothing: what scores meant in the reference they mean now (CBPE).
    The prevalence of a finding: the same, at log odds moved by it. The films themselves (acquisition, or both): `insufficient`, as their
    meaning may have changed with them. All of it assumes that the meaning of an image has not changed: a positive that became
    invisible is seen by labels only.

    estimate_validity is the light: 1 nothing shifted, 0.5 the finding's prevalence did, 0 not identifiable.
    estimated_*: the limit is what the reference's own scores lead to expect, less the plan's odds ratio and z standard errors; a fall breaches.
    *_estimate_error: the same estimate for the labelled films of the window, less what their labels say. It breaches where it
    is surely beyond 0.05 on either side.

    Returns:
        Six measurements a finding; `insufficient` below 50 positives or negatives in the reference. n: films; of an error, labels.
    """
    now, schema = tally_of(reference.schema, window, ALL), reference.schema
    shift, labelled = identify(reference, now), masses_of(schema, window, schema.findings, (ALL,))
    found: list[Measurement] = []
    for row, finding in enumerate(schema.findings):
        known = _known(reference, finding)
        odds, why = (
            _odds(shift, finding) if known else (0.0, f"{EVENTS_NEEDED} positives and {EVENTS_NEEDED} negatives needed in the reference")
        )
        if why or known is None:
            value = UNKNOWN if known and shift else None
            found.append(Measurement(VALIDITY, value, now.n, None, None, Verdict.INSUFFICIENT, why, ALL, finding))
            found += [Measurement.insufficient(f"estimated_{name}", now.n, why, finding=finding) for name in RATES]
            found += [Measurement.insufficient(f"{name}_estimate_error", 0, why, finding=finding) for name in SCORED]
            continue
        found.append(Measurement(VALIDITY, MOVED if odds else STEADY, now.n, None, MOVED, Verdict.WITHIN, finding=finding))
        found += _estimated(reference, known, now, finding, odds)
        found += _scored(reference, known, labelled, row, odds)
    return found


def _odds(shift: Shift | None, finding: str) -> tuple[float, str]:
    """Log odds by which the finding's prevalence moved, or why nothing can be told."""
    if shift is None:
        return 0.0, "too few films"
    if shift.kind in {"acquisition", "both"}:
        return 0.0, "not identifiable: the films themselves have changed, and what they mean may have changed with them"
    moved = [one for one in shift.prevalences if one.finding == finding]
    return (prior_shift(moved[0].before, moved[0].now) if moved else 0.0), ""


def _estimated(reference: Reference, known: _Known, now: Tally, finding: str, odds: float) -> list[Measurement]:
    scores, threshold = now.scores(finding).sum(axis=0).astype(np.float64), _threshold(reference, finding)
    phi = reference.dispersion_of("performance", finding=finding)
    rates = estimate_rates(known.calibrator, scores, threshold, odds, phi)
    smallest = log(reference.plan.minimum_odds_ratio)
    measured = []
    for name in RATES:
        one, usual = rates[name], known.usual[name]
        limit = float(expit(_logit(usual.value) - smallest)) - Z * hypot(one.error, usual.error)
        interval = Interval(max(0.0, one.value - Z * one.error), min(1.0, one.value + Z * one.error))
        verdict = Verdict.BREACHED if one.value < limit else Verdict.WITHIN
        measured.append(Measurement(f"estimated_{name}", one.value, now.n, interval, max(limit, 0.0), verdict, finding=finding))
    return measured


def _scored(reference: Reference, known: _Known, labelled: Masses, row: int, odds: float) -> list[Measurement]:
    """Hold the estimate for the labelled films against their labels."""
    finding, (below, above) = labelled.places[row][0], labelled.decisions[row].T
    scale, scores = labelled.decision_scale[row], labelled.scores[row].sum(axis=0)
    counted = {"sensitivity": (above[1], below[1]), "positive_predictive_value": (above[1], above[0])}
    spread = {"sensitivity": scale[1].mean(), "positive_predictive_value": scale[:, 1].mean()}
    worth = {name: float(sum(counted[name]) / max(spread[name], 1e-12)) for name in SCORED}
    if min(worth.values()) < LABELS_NEEDED or labelled.reasons[row]:
        why = labelled.reasons[row] or f"labels of {LABELS_NEEDED} positive and {LABELS_NEEDED} flagged films needed"
        return [Measurement.insufficient(f"{name}_estimate_error", int(labelled.labels[row]), why, finding=finding) for name in SCORED]
    phi = reference.dispersion_of("performance", finding=finding)
    rates = estimate_rates(known.calibrator, scores, _threshold(reference, finding), odds, phi)
    measured = []
    for name in SCORED:
        hits, misses = counted[name]
        value = rates[name].value - float(hits / (hits + misses))
        error = hypot(rates[name].error, float(np.sqrt(phi * max(spread[name] - 1, 0.0) * hits * misses / (hits + misses) ** 3)))
        limit = WORST_ERROR + Z * error
        verdict = Verdict.BREACHED if abs(value) > limit else Verdict.WITHIN
        interval = Interval(value - Z * error, value + Z * error)
        signed = limit if value >= 0 else -limit
        measured.append(Measurement(f"{name}_estimate_error", value, int(labelled.labels[row]), interval, signed, verdict, finding=finding))
    return measured


def _threshold(reference: Reference, finding: str) -> float:
    return reference.schema.thresholds[reference.schema.findings.index(finding)]


def _logit(value: float) -> float:
    return float(logit(np.clip(value, 1e-9, 1 - 1e-9)))


@lru_cache(maxsize=16 * REFERENCES_HELD)
def _known(reference: Reference, finding: str) -> _Known | None:
    then = masses_of(reference.schema, reference.tallies, (finding,), (ALL,))
    if then.events[0].min() < EVENTS_NEEDED:
        return None
    phi = reference.dispersion_of("calibration", finding=finding)
    calibrator = Calibrator.of(then.negatives[0], then.positives[0], then.scale[0], phi)
    scores = reference.tallies[ALL].scores(finding).sum(axis=0).astype(np.float64)
    return _Known(calibrator, estimate_rates(calibrator, scores, _threshold(reference, finding), 0.0, phi))
