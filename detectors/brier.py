"""Brier score: the mean squared distance between probability and truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from detectors.intervals import Z
from detectors.measurement import Interval, Measurement, Verdict
from detectors.reference import REFERENCES_HELD, Reference
from detectors.schema import BRIER, NEGATIVE, POSITIVE, score_centers
from detectors.tally import Tally, tally_of

NAME = "brier_score"
NEEDED = 50
MINIMUM_RISE = 0.10
"""Share of the reference's score by which it must rise."""
SQUARES = np.concatenate([expit(score_centers()) ** 2, (1 - expit(score_centers())) ** 2])
"""(p - y)^2 of each score bin, negatives first."""


def brier(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the Brier score, sum (p - y)^2 / n over labels, for every finding and cell; only a rise breaches. Less is better.

    The value is exact (fixed-point sums); its standard error comes from the score bins, times sqrt(phi). The limit is the reference's
    score, a tenth more, and z standard errors of window and reference together. It follows prevalence as well as calibration.

    Returns:
        One measurement a finding and cell; `insufficient` below 50 labels in the window or in the reference.

    Source:
        Brier 1950, Monthly Weather Review 78:1.
    """
    return [_measure(reference, window, finding, cell) for finding in reference.schema.findings for cell in reference.cells]


def _measure(reference: Reference, window: Mapping[str, Tally], finding: str, cell: str) -> Measurement:
    now, then = tally_of(reference.schema, window, cell), reference.tallies[cell]
    n, n_then = int(now.groups(finding)[0].sum()), int(then.groups(finding)[0].sum())
    if min(n, n_then) < NEEDED:
        return Measurement.insufficient(NAME, n, f"{NEEDED} labels needed, in the window and in the reference", cell=cell, finding=finding)
    phi = reference.dispersion_of("calibration", cell=cell, finding=finding)
    value, usual = float(now.losses(finding)[BRIER] / n), float(then.losses(finding)[BRIER] / n_then)
    spread, spread_then = phi * _variance(now.scores(finding)) / n, phi * _usual(reference)[finding, cell] / n_then
    half = Z * sqrt(spread)
    limit = usual * (1 + MINIMUM_RISE) + Z * sqrt(spread + spread_then)
    interval = Interval(max(0.0, value - half), min(1.0, value + half))
    verdict = Verdict.BREACHED if value > limit else Verdict.WITHIN
    return Measurement(NAME, value, n, interval, limit, verdict, cell=cell, finding=finding)


def _variance(scores: NDArray[np.int64]) -> float:
    """Variance of (p - y)^2 over labels, from the score bins."""
    shares = scores[[NEGATIVE, POSITIVE]].ravel() / scores[[NEGATIVE, POSITIVE]].sum()
    return float((shares * SQUARES**2).sum() - (shares * SQUARES).sum() ** 2)


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Mapping[tuple[str, str], float]:
    """Variance in the reference itself, wherever it has labels enough."""
    return {
        (finding, cell): _variance(tally.scores(finding))
        for finding in reference.schema.findings
        for cell, tally in reference.tallies.items()
        if tally.groups(finding)[0].sum() >= NEEDED
    }
