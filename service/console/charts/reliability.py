"""Reliability diagram: of films that got about this probability, how many had the finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from service.console.charts.figure import Figure
from service.console.charts.frame import WIDTH, Frame, frame_of
from service.console.charts.keys import Key, keys
from service.console.charts.lettering import SIZE
from service.console.charts.marks import block, dot, line, whisker
from service.console.charts.scale import ticks
from service.console.charts.svg import joined
from service.console.charts.table import Table, shown

HEIGHT = 330.0


@dataclass(frozen=True, slots=True)
class Group:
    """Films of like score: their mean probability, the share that had the finding with its 95 % interval, and how many labels say so."""

    probability: float
    share: float
    low: float
    high: float
    n: float

    @property
    def off(self) -> bool:
        """Whether the interval misses what was promised."""
        return not self.low <= self.probability <= self.high


def reliability(name: str, title: str, groups: Sequence[Group], reference: Sequence[Group] = (), note: str = "") -> Figure:
    """Draw the groups against the diagonal; the reference's groups as a line beside them."""
    across = ticks(0.0, 1.0, 6)
    frame = frame_of((0.0, 1.0), (0.0, 1.0), across, height=HEIGHT)
    key, further = keys(_entries(groups, reference), frame.bottom + 2 * SIZE + 16, WIDTH)
    body = joined(
        frame.axes(across, across, "mean predicted probability", "share of films with the finding"),
        line([(frame.left, frame.bottom), (frame.right, frame.top)], "ideal"),
        line([(frame.x.at(one.probability), frame.y.at(one.share)) for one in reference], "reference-line"),
        *(part for one in groups for part in _group(frame, one)),
        key,
    )
    rows = tuple(
        (where, one.probability, one.share, one.low, one.high, one.n)
        for where, found in (("window", groups), ("reference", reference))
        for one in found
    )
    return Figure(
        name,
        title,
        _described(title, groups),
        WIDTH,
        HEIGHT + further,
        body,
        Table(("period", "mean probability", "share with the finding", "low", "high", "n"), rows),
        note,
    )


def _group(frame: Frame, one: Group) -> Iterator[Markup]:
    x = frame.x.at(one.probability)
    told = f"promised {shown(one.probability)}, found {shown(one.share)} ({shown(one.low)} to {shown(one.high)}), n = {one.n:,.0f}"
    yield whisker(x, frame.y.at(one.low), frame.y.at(one.high))
    yield (block if one.off else dot)(x, frame.y.at(one.share), told)


def _entries(groups: Sequence[Group], reference: Sequence[Group]) -> Iterator[Key]:
    yield Key("as promised", "ideal")
    yield Key("found, 95 % interval", "dot", "dot")
    if any(one.off for one in groups):
        yield Key("interval misses what was promised", "dot breached", "box")
    if reference:
        yield Key("reference", "reference-line")


def _described(title: str, groups: Sequence[Group]) -> str:
    if not groups:
        return f"{title}: insufficient labels."
    off = sum(one.off for one in groups)
    return f"{title}: {len(groups)} groups of films by score; in {off} of them the interval misses the probability that was promised."
