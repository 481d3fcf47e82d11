"""Interpretation: what the logits of a prediction mean by the manifest of their model; the same whenever and wherever it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp

from service.models.manifest import Finding, Manifest


@dataclass(frozen=True, slots=True)
class Interpreted:
    """One finding of one film. calibrated_probability: None where the model version has no calibrator for it."""

    finding: Finding
    logit: float
    probability: float
    calibrated_probability: float | None
    positive: bool


def interpret(manifest: Manifest, logits: Iterable[float]) -> tuple[Interpreted, ...]:
    """Every finding, in the order of the manifest."""
    return tuple(_interpreted(finding, logit) for finding, logit in zip(manifest.findings, logits, strict=True))


def _interpreted(finding: Finding, logit: float) -> Interpreted:
    calibration = finding.calibration
    return Interpreted(
        finding=finding,
        logit=logit,
        probability=expit(logit),
        calibrated_probability=None if calibration is None else expit(calibration.slope * logit + calibration.intercept),
        positive=logit >= finding.threshold_logit,
    )


def expit(logit: float) -> float:
    """1 / (1 + exp(-logit)), for any logit.

    >>> expit(0.0), expit(-1000.0), expit(1000.0)
    (0.5, 0.0, 1.0)
    """
    return 1 / (1 + exp(-logit)) if logit >= 0 else exp(logit) / (1 + exp(logit))
