"""A measurement: a number that travels with n, interval, limit and verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detectors.plan import ALL


class Verdict(StrEnum):
    """What a measurement says: within its limit, beyond it, or too little data to say."""

    WITHIN = "within"
    BREACHED = "breached"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number for reading.

    name: fixes what is measured, its unit and direction.
    value: None where there is too little data even to show it; `reason` says what is missing. A verdict may need more data than a
        value: then the verdict is `insufficient` beside a value and its interval.
    n: observations that the number rests on (labelled ones where labels define it).
    limit: the value beyond which the verdict is `breached`; None where the number has no limit of its own.
    cell, finding, feature: where it was measured; "" where it does not apply.
    """

    name: str
    value: float | None
    n: int
    interval: Interval | None
    limit: float | None
    verdict: Verdict
    reason: str = ""
    cell: str = ALL
    finding: str = ""
    feature: str = ""

    @classmethod
    def insufficient(cls, name: str, n: int, reason: str, *, cell: str = ALL, finding: str = "", feature: str = "") -> Measurement:
        """Say that there is too little data, and what is missing."""
        return cls(name, None, n, None, None, Verdict.INSUFFICIENT, reason, cell, finding, feature)
