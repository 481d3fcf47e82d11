"""Fit: a new version made of the champion's own scores: other operating points, or a calibrator behind the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from detectors.calibrator import Calibrator
from detectors.decision_costs import Costs
from detectors.masses import Masses
from detectors.operating_point import WIDTH, recommend
from detectors.plan import ALL
from detectors.recalibration import Recalibration as Found
from detectors.recalibration import recalibrate as fit_calibrator
from detectors.schema import SCORE_BINS, SCORE_RANGE
from service.models.interpretation import expit
from service.models.manifest import Calibration, Finding, Manifest, Recalibration
from service.models.plan import Remedies
from service.remedies.labelled import Films

LEAST, MOST = 1e-6, 1 - 1e-6


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a fit. findings: as the new version has them; None where nothing is better than what is. told: of each finding what was found."""

    findings: tuple[Finding, ...] | None
    told: Mapping[str, Mapping[str, Any]]


def enough(manifest: Manifest, plan: Remedies, films: Films) -> list[int]:
    """Places of the findings with mature labels enough for a fit."""
    events = [films.events(place) for place in range(len(manifest.findings))]
    return [place for place, (ones, zeros) in enumerate(events) if ones >= plan.minimum_positives and zeros >= plan.minimum_negatives]


def recalibrated(manifest: Manifest, plan: Remedies, films: Films) -> Fitted:
    """Fit a calibrator for each finding that has labels enough; those that save nothing beyond their interval are left out.

    The operating point moves with the map, so that every film is flagged as before: sensitivity and specificity cannot change.
    """
    told: dict[str, Mapping[str, Any]] = {}
    changed = list(manifest.findings)
    for place in enough(manifest, plan, films):
        labelled, chosen = films.of(place)
        masks = {name: mask[chosen] for name, mask in films.subgroups.items() if mask[chosen].sum() >= plan.subgroup_minimum}
        found = fit_calibrator(labelled, masks)
        told[changed[place].name] = _told(found)
        if found.better:
            changed[place] = with_calibrator(changed[place], found.calibrator)
    return Fitted(tuple(changed) if tuple(changed) != manifest.findings else None, told)


def rethresholded(manifest: Manifest, plan: Remedies, films: Films) -> Fitted:
    """Find the cheapest operating point of each finding with labels enough, and take it where nineteen of twenty halves agree that it saves."""
    told: dict[str, Mapping[str, Any]] = {}
    changed = list(manifest.findings)
    for place in enough(manifest, plan, films):
        finding = changed[place]
        costs = Costs(finding.cost_false_negative, finding.cost_false_positive)
        found = recommend(_masses(films, place, finding.threshold_logit), costs, finding.threshold_logit)
        told[finding.name] = {
            "deployed": asdict(found.deployed),
            "best": asdict(found.best),
            "prevalence": found.prevalence,
            "saved_per_thousand": asdict(found.saved),
            "sure": found.sure,
            "change": found.change,
        }
        if found.change:
            changed[place] = finding.model_copy(update={"threshold": _probability(found.best.threshold)})
    return Fitted(tuple(changed) if tuple(changed) != manifest.findings else None, told)


def with_calibrator(finding: Finding, calibrator: Calibrator) -> Finding:
    """The finding with one more map behind it; a second probability that was told beside the score is that of the score now."""
    moved = float(calibrator([finding.threshold_logit])[0])
    recalibration = Recalibration(slope=calibrator.slope, intercept=calibrator.intercept, knots=calibrator.knots)
    values = {"recalibrations": (*finding.recalibrations, recalibration), "threshold": _probability(moved)}
    return finding.model_copy(update=values if finding.calibration is None else {**values, "calibration": Calibration()})


def _told(found: Found) -> dict[str, Any]:
    return {**asdict(found), "better": found.better, "worse_in": list(found.worse_in)}


def _masses(films: Films, place: int, threshold: float) -> Masses:
    """Weighted labels by score; one label stands for sum(w^2) / sum(w) films of its score."""
    labelled, _ = films.of(place)
    w, y = labelled.weights, labelled.labels
    bins = np.clip(((labelled.logits + SCORE_RANGE) / WIDTH).astype(int), 0, SCORE_BINS - 1)
    total, squares = (np.asarray(np.bincount(bins, each, SCORE_BINS), dtype=np.float64) for each in (w, w**2))
    scale = np.divide(squares, total, out=np.ones(SCORE_BINS), where=total > 0)
    scores = np.stack([np.bincount(bins, each, SCORE_BINS) for each in (w * (1 - y), w * y)]).astype(np.float64)
    flagged = labelled.logits >= threshold
    decisions = np.array([[(each * ~flagged).sum(), (each * flagged).sum()] for each in (w * (1 - y), w * y)])
    return Masses((("", ALL),), scores[None], scale[None], decisions[None], np.ones((1, 2, 2)), np.array([len(labelled)]), ("",))


def _probability(logit: float) -> float:
    return float(np.clip(expit(logit), LEAST, MOST))
