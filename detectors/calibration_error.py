"""Calibration error: how far probabilities lie from frequencies, on average over score groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import pi, sqrt

import numpy as np

from detectors.intervals import Z
from detectors.measurement import Measurement, Verdict
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally, tally_of

NAME = "expected_calibration_error"
EVENTS_NEEDED = 50
"""Positives and negatives, each."""
MINIMUM_RISE = 0.02


@dataclass(frozen=True, slots=True)
class Error:
    """Calibration error with what a perfectly calibrated model would show at the same n: mean and standard deviation."""

    value: float
    chance: float
    chance_deviation: float


def calibration_error(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure sum_g n_g / n |mean label - mean probability| over the reference's ten score groups, for every finding and cell.

    Soft labels count as they are. A perfect model does not show 0: in each group the difference is about normal with variance
    phi v / n_g, v = p (1 - p) at the group's mean p, so its expected size is sqrt(2 v phi / (pi n_g)). The limit is the upper end of this null band at
    the window's n (mean plus z deviations), plus what the reference showed beyond its own null, plus 0.02. Only a rise breaches.
    No interval: the estimator is biased by exactly that null, so read the value against the limit.

    Returns:
        One measurement a finding and cell; `insufficient` below 50 positives or negatives. n: labels.

    Source:
        Naeini, Cooper, Hauskrecht 2015 (AAAI); Broecker 2012, Climate Dynamics 39:655 (bias of the reliability term).
    """
    return [_measure(reference, window, finding, cell) for finding in reference.schema.findings for cell in reference.cells]


def error_of(tally: Tally, finding: str, dispersion: float) -> Error:
    """Calibration error of the labelled part of a tally."""
    labelled, (soft, expected) = tally.groups(finding)[0], tally.expected(finding)
    filled = labelled > 0
    n, soft, expected = labelled[filled], soft[filled], expected[filled]
    weights, p = n / n.sum(), np.clip(expected / n, 0.0, 1.0)
    spread = dispersion * p * (1 - p) / n
    chance = float((weights * np.sqrt(2 * spread / pi)).sum())
    return Error(float((weights * np.abs(soft - expected) / n).sum()), chance, sqrt(float((weights**2 * spread).sum()) * (1 - 2 / pi)))


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Mapping[tuple[str, str], Error]:
    """What the reference itself shows, wherever it has labels."""
    return {
        (finding, cell): error_of(tally, finding, reference.dispersion_of("calibration", cell=cell, finding=finding))
        for finding in reference.schema.findings
        for cell, tally in reference.tallies.items()
        if tally.groups(finding)[0].any()
    }


def _measure(reference: Reference, window: Mapping[str, Tally], finding: str, cell: str) -> Measurement:
    now, then = tally_of(reference.schema, window, cell), reference.tallies[cell]
    labelled, positive = (int(count) for count in now.groups(finding).sum(axis=1))
    usual, usual_positive = (int(count) for count in then.groups(finding).sum(axis=1))
    if min(positive, labelled - positive, usual_positive, usual - usual_positive) < EVENTS_NEEDED:
        reason = f"{EVENTS_NEEDED} positives and {EVENTS_NEEDED} negatives needed, in the window and in the reference"
        return Measurement.insufficient(NAME, labelled, reason, cell=cell, finding=finding)
    phi = reference.dispersion_of("calibration", cell=cell, finding=finding)
    found, known = error_of(now, finding, phi), _usual(reference)[finding, cell]
    limit = found.chance + Z * found.chance_deviation + max(known.value - known.chance, 0.0) + MINIMUM_RISE
    verdict = Verdict.BREACHED if found.value > limit else Verdict.WITHIN
    return Measurement(NAME, found.value, labelled, None, limit, verdict, cell=cell, finding=finding)
