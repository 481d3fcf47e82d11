"""Estimate error: how far the estimate that needs no label lies from what labels say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import hypot

import numpy as np

from detectors.estimation import estimate_rates
from detectors.intervals import Z
from detectors.masses import Masses, masses_of
from detectors.meaning import NOT_KNOWN, meaning_of, moved_odds, threshold_of
from detectors.measurement import Interval, Measurement, Verdict
from detectors.plan import ALL
from detectors.reference import Reference
from detectors.shift import Shift, identify
from detectors.tally import Tally, tally_of

SCORED = ("sensitivity", "positive_predictive_value")
LABELS_NEEDED = 50
"""Positives (flagged) among the window's labels before an estimate is scored against them."""
WORST_ERROR = 0.05
"""An estimate that lies farther than this from the truth, and surely so, was wrong."""


def estimate_error(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Score the estimates of estimated_performance.py, for every finding, once labels are there.

    *_estimate_error: the estimate for the labelled films of the window, less what their labels say. It breaches where it is surely beyond
    0.05 on either side. Where nothing could be estimated there is nothing to score.

    Returns:
        Two measurements a finding; `insufficient` below 50 positives or flagged films with labels. n: labels.
    """
    schema = reference.schema
    shift, labelled = identify(reference, tally_of(schema, window, ALL)), masses_of(schema, window, schema.findings, reference.cells)
    rows = {finding: row for row, (finding, cell) in enumerate(labelled.places) if cell == ALL}
    return [one for finding in schema.findings for one in _of_finding(reference, shift, labelled, rows[finding])]


def _of_finding(reference: Reference, shift: Shift | None, labelled: Masses, row: int) -> list[Measurement]:
    finding = labelled.places[row][0]
    known = meaning_of(reference, finding)
    odds, why = moved_odds(shift, finding) if known else (0.0, NOT_KNOWN)
    if why or known is None:
        return [Measurement.insufficient(f"{name}_estimate_error", 0, why, finding=finding) for name in SCORED]
    (below, above), labels = labelled.decisions[row].T, int(labelled.labels[row])
    scale, scores = labelled.decision_scale[row], labelled.scores[row].sum(axis=0)
    counted = {"sensitivity": (above[1], below[1]), "positive_predictive_value": (above[1], above[0])}
    spread = {"sensitivity": scale[1].mean(), "positive_predictive_value": scale[:, 1].mean()}
    worth = {name: float(sum(counted[name]) / max(spread[name], 1e-12)) for name in SCORED}
    if min(worth.values()) < LABELS_NEEDED or labelled.reasons[row]:
        why = labelled.reasons[row] or f"labels of {LABELS_NEEDED} positive and {LABELS_NEEDED} flagged films needed"
        return [Measurement.insufficient(f"{name}_estimate_error", labels, why, finding=finding) for name in SCORED]
    phi = reference.dispersion_of("performance", finding=finding)
    rates = estimate_rates(known.calibrator, scores, threshold_of(reference, finding), odds, phi)
    measured = []
    for name in SCORED:
        hits, misses = counted[name]
        value = rates[name].value - float(hits / (hits + misses))
        error = hypot(rates[name].error, float(np.sqrt(phi * max(spread[name] - 1, 0.0) * hits * misses / (hits + misses) ** 3)))
        limit = WORST_ERROR + Z * error
        verdict = Verdict.BREACHED if abs(value) > limit else Verdict.WITHIN
        interval = Interval(value - Z * error, value + Z * error)
        signed = limit if value >= 0 else -limit
        measured.append(Measurement(f"{name}_estimate_error", value, labels, interval, signed, verdict, finding=finding))
    return measured
