"""Estimated performance: how good the model would be found, from scores alone, where the kind of shift lets it be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import hypot, log

import numpy as np
from scipy.special import expit, logit

from detectors.estimation import estimate_rates
from detectors.intervals import Z
from detectors.meaning import NOT_KNOWN, Meaning, meaning_of, moved_odds, threshold_of
from detectors.measurement import Interval, Measurement, Verdict
from detectors.plan import ALL
from detectors.reference import Reference
from detectors.shift import identify
from detectors.tally import Tally, tally_of

RATES = ("sensitivity", "positive_predictive_value", "auroc")
VALIDITY = "estimate_validity"
STEADY, MOVED, UNKNOWN = 1.0, 0.5, 0.0


def estimated_performance(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Estimate sensitivity, positive predictive value and AUROC of every finding before its labels are there.

    Which estimate is right depends on what has shifted (shift.py). Nothing: what scores meant in the reference they mean now (CBPE).
    The prevalence of a finding: the same, at log odds moved by it. The films themselves (acquisition, or both): `insufficient`, as their
    meaning may have changed with them. All of it assumes that the meaning of an image has not changed: a positive that became
    invisible is seen by labels only. estimate_error.py scores it once they are there.

    estimate_validity is the light: 1 nothing shifted, 0.5 the finding's prevalence did, 0 not identifiable.
    estimated_*: the limit is what the reference's own scores lead to expect, less the plan's odds ratio and z standard errors; a fall breaches.

    Returns:
        Four measurements a finding; `insufficient` below 50 positives or negatives in the reference. n: films.
    """
    now = tally_of(reference.schema, window, ALL)
    shift = identify(reference, now)
    found: list[Measurement] = []
    for finding in reference.schema.findings:
        known = meaning_of(reference, finding)
        odds, why = moved_odds(shift, finding) if known else (0.0, NOT_KNOWN)
        if why or known is None:
            value = UNKNOWN if known and shift else None
            found.append(Measurement(VALIDITY, value, now.n, None, None, Verdict.INSUFFICIENT, why, ALL, finding))
            found += [Measurement.insufficient(f"estimated_{name}", now.n, why, finding=finding) for name in RATES]
            continue
        found.append(Measurement(VALIDITY, MOVED if odds else STEADY, now.n, None, MOVED, Verdict.WITHIN, finding=finding))
        found += _estimated(reference, known, now, finding, odds)
    return found


def _estimated(reference: Reference, known: Meaning, now: Tally, finding: str, odds: float) -> list[Measurement]:
    scores, threshold = now.scores(finding).sum(axis=0).astype(np.float64), threshold_of(reference, finding)
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


def _logit(value: float) -> float:
    return float(logit(np.clip(value, 1e-9, 1 - 1e-9)))
