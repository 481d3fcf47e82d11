"""Snapshot: all that one pass has to say of one model version, as it is stored and as it is exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from detectors.evidence import ATTACHES
from detectors.packing import expand, squeeze

FORMAT = 3
MOST_NAMED = 20
"""Series of one model that are named beside the strongest of each family, however many moved."""


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
    """An alarm that is open at the end of the pass. since: when the change is estimated to have begun; former releases did not say."""

    kind: str
    family: str
    cell: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one pass found, in short; measurements and series lie beside it, each in a row of its own.

    reference: that it compared to.
    judged_until: end of the last day that was judged.
    measured: length of a window in days -> how many measurements there are of it.
    series: how many series can page.
    strongest: the series with the most evidence, see `leading`.
    alarms: number of alarms ever opened, by kind.
    completeness: share of the predictions that came of age lately and have a label, by finding; None before any came of age.
    """

    reference: int
    judged_until: datetime
    measured: Mapping[int, int]
    series: int
    strongest: tuple[SeriesReading, ...]
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


def leading(series: Sequence[SeriesReading]) -> tuple[SeriesReading, ...]:
    """The strongest series of each family, and those strong enough to belong to an incident, at most so many, strongest first.

    So the strongest evidence of all and of each family is among them, whatever else is left out.
    """
    ordered = sorted(series, key=lambda one: (-one.evidence, one.series))
    first = {one.family: one for one in reversed(ordered)}
    attached = [one for one in ordered if one.evidence >= ATTACHES][:MOST_NAMED]
    return tuple(one for one in ordered if one in attached or first[one.family] is one)


def pack_series(series: Sequence[SeriesReading]) -> bytes:
    """As they are stored."""
    return squeeze(_SERIES.dump_json(tuple(series)), level=1)


def unpack_series(stored: bytes) -> tuple[SeriesReading, ...]:
    """As they were stored. Raises DecodeError for damaged bytes."""
    return _SERIES.validate_json(expand(stored))


_SNAPSHOT = TypeAdapter(Snapshot)
_SERIES = TypeAdapter(tuple[SeriesReading, ...])
