"""Spiegelhalter's Z: whether the probabilities, taken together, are too far from what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from detectors.intervals import Z
from detectors.measurement import Interval, Measurement, Verdict
from detectors.reference import Reference
from detectors.schema import EXCESS, VARIANCE
from detectors.tally import Tally, tally_of

NAME = "spiegelhalter_z"
EVENTS_NEEDED = 50
"""Positives and negatives, each; below, the normal approximation lies."""


def spiegelhalter(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the standardised excess of the Brier score over what calibrated probabilities would give, for every finding and cell.

    For labels y and probabilities p, Z = sum (y - p)(1 - 2p) / sqrt(phi sum (1 - 2p)^2 p (1 - p)), standard normal when E[y | p] = p.
    Positive: too sure of itself. Both sums lie in the tally, so any window is an addition. The limit is the Z at this n that the
    reference's own miscalibration leads to expect, plus 1.96 standard errors of window and reference together.

    Returns:
        Z (no unit; the limit is on |Z|); `insufficient` below 50 labels of either class in the window or in the reference. n: labels.

    Source:
        Spiegelhalter 1986, Statistics in Medicine 5:421.
    """
    return [_measure(reference, window, finding, cell) for finding in reference.schema.findings for cell in reference.cells]


def _measure(reference: Reference, window: Mapping[str, Tally], finding: str, cell: str) -> Measurement:
    now, then = tally_of(reference.schema, window, cell), reference.tallies[cell]
    labelled, positive = (int(count) for count in now.groups(finding).sum(axis=1))
    usual, usual_positive = (int(count) for count in then.groups(finding).sum(axis=1))
    if min(positive, labelled - positive, usual_positive, usual - usual_positive) < EVENTS_NEEDED:
        reason = f"{EVENTS_NEEDED} positives and {EVENTS_NEEDED} negatives needed, in the window and in the reference"
        return Measurement.insufficient(NAME, labelled, reason, cell=cell, finding=finding)
    phi = reference.dispersion_of("calibration", cell=cell, finding=finding)
    scale = sqrt(phi * max(float(now.losses(finding)[VARIANCE]), 1e-9))
    scale_then = sqrt(phi * max(float(then.losses(finding)[VARIANCE]), 1e-9)) * labelled / usual
    value = float(now.losses(finding)[EXCESS]) / scale
    expected = abs(float(then.losses(finding)[EXCESS])) * labelled / usual / scale
    limit = expected + Z * sqrt(1 + (scale_then / scale) ** 2)
    verdict = Verdict.BREACHED if abs(value) > limit else Verdict.WITHIN
    return Measurement(NAME, value, labelled, Interval(value - Z, value + Z), limit, verdict, cell=cell, finding=finding)
