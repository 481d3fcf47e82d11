"""Comparison: what is known of a challenger beside the champion, criterion by criterion, as it is stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from detectors.decision import Decision


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line.

    measure: auroc, sensitivity, specificity, brier_score, calibration_slope, latency, days or findings. cell: all, or a subgroup.
    champion, challenger: the value of each; difference: challenger less champion; low, high: 95 % interval of a single look, of the difference
        (of the challenger's own value for calibration_slope).
    limit: how far the challenger may be off. decision: None where the plan asks for nothing here, and the line is for reading.
    n, positives: labelled films. p: two-sided, of no difference (DeLong for auroc, McNemar's exact test for sensitivity and specificity).
    more: labelled films of any kind after which the decision is expected, and ready_on the day when they are there at today's rate; None where
        it has been taken or no number of them would do.
    """

    measure: str
    finding: str
    cell: str
    decision: Decision | None
    champion: float | None = None
    challenger: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    n: int = 0
    positives: int = 0
    p: float | None = None
    more: int | None = None
    ready_on: date | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The decision of all criteria, in one sentence and in lines.

    cases: labelled films that both answered. a_day: how many of them a day there were. more, ready_on: the largest of the criteria's.
    sources: how many of the films were seen in the shadow, and how many answered as a canary (service/remedies/answered.py).
    """

    model: str
    champion: str
    challenger: str
    decision: Decision
    summary: str
    cases: int
    a_day: float
    more: int | None
    ready_on: date | None
    criteria: tuple[Criterion, ...]
    sources: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = asdict(self)
        values["sources"] = dict(self.sources)
        values["ready_on"] = _day(self.ready_on)
        values["criteria"] = [criterion_to_json(one) for one in self.criteria]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Comparison:
        """What `to_json` wrote."""
        criteria = tuple(
            Criterion(**{**one, "decision": one["decision"] and Decision(one["decision"]), "ready_on": _read(one["ready_on"])})
            for one in values["criteria"]
        )
        decision, ready_on = Decision(values["decision"]), _read(values["ready_on"])
        return cls(**{**values, "decision": decision, "ready_on": ready_on, "criteria": criteria})


def criterion_to_json(one: Criterion) -> dict[str, Any]:
    """A line as plain JSON values."""
    return {**asdict(one), "ready_on": _day(one.ready_on)}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _read(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
