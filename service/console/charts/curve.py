"""Curve: ROC, precision-recall and decision curves, with their bands, the reference's curve, and where the model operates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from service.console.charts.figure import Figure
from service.console.charts.frame import WIDTH, Frame, frame_of
from service.console.charts.keys import Key, keys
from service.console.charts.lettering import SIZE
from service.console.charts.marks import band, diamond, line
from service.console.charts.scale import rounded, span, ticks
from service.console.charts.svg import joined
from service.console.charts.table import Table

NEAR = 0.8
"""Points closer to the last one that was drawn say nothing new."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line: x, y and, where it has a band, its lower and upper end, point by point. role: `series`, `reference` or `ideal`."""

    word: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    role: str = "series"


@dataclass(frozen=True, slots=True)
class Here:
    """Where the model operates."""

    x: float
    y: float
    told: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn. y_range: of the upright axis; None: as the data need. note: what is said below it."""

    name: str
    title: str
    x_title: str
    y_title: str
    y_range: tuple[float, float] | None = (0.0, 1.0)
    note: str = ""
    described: str = ""
    threshold: Sequence[float] = field(default=())
    n: Sequence[float] = field(default=())


def curve(plot: Plot, lines: Sequence[Line], here: Here | None = None) -> Figure:
    """Draw lines over [0, 1]."""
    low, high = plot.y_range or rounded(*span([value for one in lines if one.role == "series" for value in (*one.y, *one.high)]), 5)
    up, across = ticks(low, high, 6), ticks(0.0, 1.0, 6)
    frame = frame_of((0.0, 1.0), (low, high), up, height=300.0)
    key, further = keys(_entries(lines, here), frame.bottom + 2 * SIZE + 16, WIDTH)
    body = joined(
        frame.axes(across, up, plot.x_title, plot.y_title),
        *(part for one in sorted(lines, key=lambda one: one.role == "series") for part in _drawn(frame, one)),
        *([diamond(frame.x.at(here.x), frame.y.at(here.y), here.told)] if here else []),
        key,
    )
    said = plot.described + (f" The model operates at: {here.told}." if here else "")
    return Figure(plot.name, plot.title, said, WIDTH, 300.0 + further, body, _table(plot, lines), plot.note)


def _drawn(frame: Frame, one: Line) -> Iterator[Markup]:
    inside = [at for at, y in enumerate(one.y) if frame.y.low <= y <= frame.y.high]
    points = [(frame.x.at(one.x[at]), frame.y.at(one.y[at])) for at in inside]
    kept = thinned(points)
    if one.low and one.high:
        upper, lower = ([(points[at][0], frame.y.at(side[inside[at]])) for at in kept] for side in (one.high, one.low))
        yield band(upper, lower)
    yield line([points[at] for at in kept], {"series": "series", "reference": "reference-line", "ideal": "ideal"}[one.role])


def thinned(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the points that are far enough from the last kept one to be seen apart; the first and the last always.

    >>> thinned([(0.0, 0.0), (0.1, 0.1), (5.0, 0.0), (5.1, 0.0)])
    [0, 2, 3]
    """
    kept: list[int] = []
    for at, (x, y) in enumerate(points):
        if not kept or at == len(points) - 1 or abs(x - points[kept[-1]][0]) + abs(y - points[kept[-1]][1]) >= NEAR:
            kept.append(at)
    return kept


def _entries(lines: Sequence[Line], here: Here | None) -> Iterator[Key]:
    for one in lines:
        yield Key(one.word, {"series": "series", "reference": "reference-line", "ideal": "ideal"}[one.role])
    if here:
        yield Key(here.told, "diamond", "diamond")


def _table(plot: Plot, lines: Sequence[Line]) -> Table:
    rows: list[tuple[str | float | None, ...]] = []
    for one in lines:
        main = one.role == "series"
        for at in range(len(one.x)):
            ends = (one.low[at], one.high[at]) if one.low and one.high else (None, None)
            further = (plot.threshold[at] if main and plot.threshold else None, plot.n[at] if main and plot.n else None)
            rows.append((one.word, one.x[at], one.y[at], *ends, *further))
    return Table(("line", plot.x_title, plot.y_title, "low", "high", "threshold (logit)", "n"), tuple(rows))
