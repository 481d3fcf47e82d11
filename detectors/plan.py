"""The plan: what is watched of one model version, and how often it may be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal

ALL = "all"
"""The cell of all predictions."""
PAIRED = " & "
"""Between the two values of a pair."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is watched of one model version.

    findings: outputs of the model, in the order of its logits.
    thresholds: operating point of each finding, as a logit; a score at or above it is flagged.
    numeric, categorical: features by name (DICOM keywords, or snake_case image statistics).
    cells: declared subgroup cells ("site=north") found in the reference, without "all".
    alarms_per_year: how many false alarms a year the model's owner accepts, over all series together.
    label_maturity_days: age in days at which the labels of a day are judged.
    minimum_odds_ratio: a change of the odds below this is not worth a person's night.
    flags: what may be plainly wrong with a film (clipped, inverted, ...), counted by name.
    stratum: attribute of the cells whose films are compared with their own part of the reference, "site" most often; "": none.
    costs_false_negative, costs_false_positive: cost of one error of each finding, in any common unit.
    """

    findings: tuple[str, ...]
    thresholds: tuple[float, ...]
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    alarms_per_year: float = 1.0
    label_maturity_days: int = 14
    minimum_odds_ratio: float = 1.5
    costs_false_negative: tuple[float, ...] = ()
    costs_false_positive: tuple[float, ...] = ()
    flags: tuple[str, ...] = ()
    stratum: str = ""

    def __post_init__(self) -> None:
        features = (*self.numeric, *self.categorical)
        if len(self.thresholds) != len(self.findings) or not all(map(isfinite, self.thresholds)):
            raise ValueError("every finding needs one finite threshold")
        if len(set(self.findings)) != len(self.findings) or len(set(features)) != len(features):
            raise ValueError("findings and features are named once")
        if any(costs and len(costs) != len(self.findings) for costs in (self.costs_false_negative, self.costs_false_positive)):
            raise ValueError("costs are given for every finding or for none")
        if ALL in self.cells or len(set(self.cells)) != len(self.cells):
            raise ValueError('cells are named once and do not contain "all"')
        if self.alarms_per_year <= 0 or self.label_maturity_days < 0 or self.minimum_odds_ratio <= 1:
            raise ValueError("alarms_per_year > 0, label_maturity_days >= 0 and minimum_odds_ratio > 1 are needed")


def family_of(feature: str) -> Literal["acquisition", "image", "embedding"]:
    """Family of a feature by its name: DICOM keywords are acquisition, `embedding_..` embedding, other snake_case names image statistics."""
    if feature[:1].isupper():
        return "acquisition"
    return "embedding" if feature.startswith("embedding_") else "image"
