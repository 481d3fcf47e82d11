"""Meaning: what scores meant in the reference, and whether a window's still mean the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from detectors.estimation import Calibrator, Estimated, estimate_rates, prior_shift
from detectors.masses import masses_of
from detectors.plan import ALL
from detectors.reference import REFERENCES_HELD, Reference
from detectors.shift import Shift

EVENTS_NEEDED = 50
"""Positives and negatives, each, in the reference; flagged and positive films, expected, in the window."""
NOT_KNOWN = f"{EVENTS_NEEDED} positives and {EVENTS_NEEDED} negatives needed in the reference"


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What the reference teaches of one finding: what scores meant, and the rates that this leads to expect of itself."""

    calibrator: Calibrator
    usual: Mapping[str, Estimated]


@lru_cache(maxsize=16 * REFERENCES_HELD)
def meaning_of(reference: Reference, finding: str) -> Meaning | None:
    """What scores of a finding meant in the reference; None where it has too few labels to tell."""
    then = masses_of(reference.schema, reference.tallies, (finding,), (ALL,))
    if then.events[0].min() < EVENTS_NEEDED:
        return None
    phi = reference.dispersion_of("calibration", finding=finding)
    calibrator = Calibrator.of(then.negatives[0], then.positives[0], then.scale[0], phi)
    scores = reference.tallies[ALL].scores(finding).sum(axis=0).astype(np.float64)
    return Meaning(calibrator, estimate_rates(calibrator, scores, threshold_of(reference, finding), 0.0, phi))


def moved_odds(shift: Shift | None, finding: str) -> tuple[float, str]:
    """Log odds by which the finding's prevalence moved, or why nothing can be told."""
    if shift is None:
        return 0.0, "too few films"
    if shift.kind in {"acquisition", "both"}:
        return 0.0, "not identifiable: the films themselves have changed, and what they mean may have changed with them"
    moved = [one for one in shift.prevalences if one.finding == finding]
    return (prior_shift(moved[0].before, moved[0].now) if moved else 0.0), ""


def threshold_of(reference: Reference, finding: str) -> float:
    """Operating point of a finding, as a logit."""
    return reference.schema.thresholds[reference.schema.findings.index(finding)]
