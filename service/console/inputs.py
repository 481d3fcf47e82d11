"""Inputs: each attribute of the films of a window beside the reference, the one that moved most first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from detectors.bins import CategoricalBins, NumericBins
from detectors.feature_drift import drift_in
from detectors.hidden import WHY
from detectors.measurement import Measurement, Verdict
from detectors.plan import ALL
from detectors.reference import Reference
from detectors.tally import Tally
from service.api.asked import NO_REFERENCE
from service.console.charts.figure import Figure
from service.console.charts.histogram import histogram
from service.console.charts.shares import Counted, Share, shares
from service.console.chosen import Chosen, chosen
from service.console.once import once_a_pass
from service.console.page import Asked, Page, Place
from service.console.units import unit_of
from service.worker.stretch import Stretch, beside, stretch_of

NAME = "inputs"
ON_A_PAGE = 9
FEW_VALUES = 8
"""A number with no more values than this is drawn like a category."""
COMPONENT = "embedding_"
DISTANCE = "embedding_distance"
Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute. odd: share of values that the reference never held (unseen words; numbers outside its range). n: films."""

    feature: str
    drift: Measurement
    n: int
    missing: tuple[float | None, float | None]
    odd: float | None
    place: int

    @property
    def moved(self) -> bool:
        """Whether its distribution differs beyond its limit."""
        return self.drift.verdict is Verdict.BREACHED


@dataclass(frozen=True, slots=True)
class InputsView:
    """The attributes, those of which are drawn, which films they are of, and which part of the reference they are compared with."""

    chosen: Chosen
    reason: str
    since: datetime | None = None
    until: datetime | None = None
    n: tuple[int, int] = (0, 0)
    own: str = ALL
    lines: tuple[Line, ...] = ()
    figures: tuple[Figure, ...] = ()
    first: int = 0
    only: str = ""
    on_a_page: int = ON_A_PAGE


@once_a_pass
def inputs(connection: Connection, asked: Asked) -> InputsView:
    """Compare a cell of the window with the same cell of the reference; `attribute` draws one alone, `first` the next ones."""
    choice = chosen(connection, asked, NAME)
    stretch = stretch_of(connection, choice.version, choice.window, beside(choice.cell), choice.end)
    if stretch is None:
        return InputsView(choice, NO_REFERENCE)
    reference, now = stretch.subject.reference, stretch.tally(choice.cell)
    own = reference.strata.get(choice.cell, choice.cell)
    then, n = reference.tallies[own], (reference.tallies[own].n, now.n)
    if too_few := _too_few(stretch, choice.cell):
        return InputsView(choice, too_few, stretch.since, stretch.until, n, own)
    lines = tuple(attribute_lines(reference, then, now, choice.cell))
    only, first = asked.text("attribute"), asked.whole("first", 0, 0, max(len(lines) - 1, 0))
    drawn = [one for one in lines if one.feature == only] or lines[first : first + ON_A_PAGE]
    figures = tuple(attribute_figure(reference, then, now, one.feature) for one in drawn)
    return InputsView(choice, "", stretch.since, stretch.until, n, own, lines, figures, first, only if len(drawn) == 1 else "")


def _too_few(stretch: Stretch, cell: str) -> str:
    """Why nothing is told of these films: a handful of patients is nobody's business."""
    if not stretch.tally(cell).n:
        return "no films in this window"
    return WHY if stretch.hides(cell) else ""


def attribute_lines(reference: Reference, then: Tally, now: Tally, cell: str) -> Iterator[Line]:
    """Every attribute; components of the embedding mean nothing to anybody alone, their distance does."""
    drifts = [one for one in drift_in(reference, {cell: now}, cell) if not one.feature.startswith(COMPONENT) or one.feature == DISTANCE]
    for place, drift in enumerate(sorted(drifts, key=_urgency)):
        counts = now.feature(drift.feature)
        missing = _share(int(then.feature(drift.feature)[-1]), then.n), _share(int(counts[-1]), now.n)
        yield Line(drift.feature, drift, now.n, missing, _share(_odd(reference, drift.feature, counts), int(counts[:-1].sum())), place)


def _urgency(one: Measurement) -> tuple[bool, bool, float, str]:
    return one.verdict is not Verdict.BREACHED, one.value is None, -(one.value or 0.0), one.feature


def _share(k: int, n: int) -> float | None:
    return k / n if n else None


def _odd(reference: Reference, feature: str, counts: Counts) -> int:
    return int(counts[0] + counts[-2]) if feature in reference.schema.numeric else int(counts[-2])


def attribute_figure(reference: Reference, then: Tally, now: Tally, feature: str) -> Figure:
    """One attribute of the window beside the reference."""
    counted = Counted(f"attribute-{feature.replace('_', '-')}", feature, (then.n, now.n))
    counts = then.feature(feature), now.feature(feature)
    numeric = reference.schema.numeric.get(feature)
    if numeric is None:
        return shares(counted, list(_values(reference.schema.categorical[feature], counts, counted.n)))
    if numeric.low is None or numeric.inside <= FEW_VALUES:
        return shares(counted, list(_numbers(numeric, feature, counts, counted.n)))
    edges = np.array([numeric.low, *numeric.cuts, numeric.high])
    mass = np.stack([one[1:-2] / max(n, 1) for one, n in zip(counts, counted.n, strict=True)], axis=1)
    return histogram(counted, unit_of(feature), edges, mass, list(_rest(numeric, counts, counted.n)))


def _pair(counts: Sequence[Counts], n: tuple[int, int], place: int) -> tuple[float | None, float | None]:
    return _share(int(counts[0][place]), n[0]), _share(int(counts[1][place]), n[1])


def _values(bins: CategoricalBins, counts: Sequence[Counts], n: tuple[int, int]) -> Iterator[Share]:
    for place, label in enumerate(bins.counted):
        yield Share(label, *_pair(counts, n, place))
    for place, (word, kind) in enumerate(
        (("rarer known values", "value"), ("unseen", "unseen"), ("missing", "missing")), len(bins.counted)
    ):
        pair = _pair(counts, n, place)
        if kind != "value" or any(pair):
            yield Share(word, *pair, kind)


def _numbers(bins: NumericBins, feature: str, counts: Sequence[Counts], n: tuple[int, int]) -> Iterator[Share]:
    """A few numbers, each with its bars; a feature that the reference never saw has none."""
    if bins.low is not None:
        for place, edge in enumerate((bins.low, *bins.cuts), 1):
            yield Share(f"{edge:g} {unit_of(feature)}" if unit_of(feature) != feature else f"{edge:g}", *_pair(counts, n, place))
    yield from _rest(bins, counts, n)


def _rest(bins: NumericBins, counts: Sequence[Counts], n: tuple[int, int]) -> Iterator[Share]:
    below, above = ("below", "above") if bins.low is None or bins.high is None else (f"below {bins.low:g}", f"above {bins.high:g}")
    yield Share(below, *_pair(counts, n, 0), "outside")
    yield Share(above, *_pair(counts, n, -2), "outside")
    yield Share("missing", *_pair(counts, n, -1), "missing")


INPUTS_PAGE = Page("inputs", "Inputs", "/console/models/{model}/inputs", inputs, Place.MODEL, refresh_s=None)
