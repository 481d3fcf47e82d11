"""Snapshot: all that one pass has to say of one model version, as it is stored and as it is exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement of one window. value, low, high and limit are None where there is nothing to say."""

    measurement: str
    finding: str
    feature: str
    cell: str
    window_days: int
    value: float | None
    n: int
    low: float | None
    high: float | None
    limit: float | None
    verdict: str


@dataclass(frozen=True, slots=True)
class SeriesReading:
    """One series that can page. evidence is over its limit; rate is that of the last week, None without observations.

    detectable_fall, detectable_rise: smallest odds ratio that is expected to page within two weeks at the last week's volume; None where
    the side is not watched, or no odds ratio up to 1,000 would.
    """

    family: str
    series: str
    feature: str
    finding: str
    cell: str
    bin: str
    evidence: float
    rate: float | None
    reference_rate: float
    low: float
    high: float
    detectable_fall: float | None = None
    detectable_rise: float | None = None


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An alarm that is open at the end of the pass."""

    kind: str
    family: str
    cell: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one pass found.

    reference: that it compared to.
    judged_until: end of the last day that was judged.
    alarms: number of alarms ever opened, by kind.
    completeness: share of the predictions that came of age lately and have a label, by finding; None before any came of age.
    """

    reference: int
    judged_until: datetime
    readings: tuple[Reading, ...]
    series: tuple[SeriesReading, ...]
    open_alarms: tuple[OpenAlarm, ...]
    alarms: Mapping[str, int]
    completeness: Mapping[str, float | None]
    format: int = FORMAT

    def to_json(self) -> Mapping[str, Any]:
        """As it is stored."""
        stored: Mapping[str, Any] = _SNAPSHOT.dump_python(self, mode="json")
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Snapshot | None:
        """As it was stored; None when another release wrote it in a form that this one does not know."""
        if stored.get("format") != FORMAT:
            return None
        return _SNAPSHOT.validate_python(stored)


_SNAPSHOT = TypeAdapter(Snapshot)
