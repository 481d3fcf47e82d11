"""Frame: the field of a drawing and its two axes. Labels that would touch their neighbour are left out; marks stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from service.console.charts.lettering import SIZE, fitted, width_of
from service.console.charts.scale import Scale, Tick
from service.console.charts.svg import element, joined

WIDTH = 400.0
GAP = 8.0
"""Between two labels."""
EDGE = 2.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A field [left, right] x [top, bottom] in a drawing, with its scales; y grows upwards."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x: Scale
    y: Scale

    def axes(self, across: Sequence[Tick], up: Sequence[Tick], across_title: str, up_title: str) -> Markup:
        """Grid, labels and titles; the title of the upright axis stands level above it, where it can be read."""
        return joined(
            *(element("line", x1=self.left, x2=self.right, y1=self.y.at(one.value), y2=self.y.at(one.value), class_="grid") for one in up),
            *(
                element("line", x1=self.x.at(one.value), x2=self.x.at(one.value), y1=self.bottom, y2=self.bottom + 4, class_="axis")
                for one in across
            ),
            element("line", x1=self.left, x2=self.right, y1=self.bottom, y2=self.bottom, class_="axis"),
            *across_labels(across, self.x, self.bottom + 6 + SIZE, self.width),
            *up_labels(up, self.y, self.left - 6),
            element("text", fitted(up_title, self.width - 2 * EDGE, SIZE), x=EDGE, y=SIZE + EDGE, class_="axis-title"),
            element(
                "text",
                fitted(across_title, self.right - EDGE, SIZE),
                x=self.right,
                y=self.bottom + 12 + 2 * SIZE,
                text_anchor="end",
                class_="axis-title",
            ),
        )


def frame_of(
    x: tuple[float, float],
    y: tuple[float, float],
    up: Sequence[Tick],
    *,
    width: float = WIDTH,
    height: float = 240.0,
    right: float = 14.0,
) -> Frame:
    """A frame whose left margin holds the labels of its upright axis. x, y: from where to where each axis goes."""
    left = max((width_of(one.label) for one in up), default=0.0) + 12
    top, bottom = 2 * SIZE + 6, height - 2 * SIZE - 18
    return Frame(width, height, left, width - right, top, bottom, Scale(*x, left, width - right), Scale(*y, bottom, top))


def across_labels(ticks: Sequence[Tick], scale: Scale, y: float, width: float) -> list[Markup]:
    """Labels of an axis that lies: each inside the drawing, none upon the one before."""
    drawn, end = [], -GAP
    for one in ticks:
        half = width_of(one.label) / 2
        middle = min(max(scale.at(one.value), half + EDGE), width - half - EDGE)
        if middle - half >= end + GAP:
            drawn.append(element("text", one.label, x=middle, y=y, text_anchor="middle", class_="tick"))
            end = middle + half
    return drawn


def up_labels(ticks: Sequence[Tick], scale: Scale, x: float) -> list[Markup]:
    """Labels of an axis that stands, from its lower end."""
    drawn, last = [], None
    for one in ticks:
        y = scale.at(one.value) + SIZE * 0.35
        if last is None or abs(last - y) >= SIZE + EDGE:
            drawn.append(element("text", one.label, x=x, y=y, text_anchor="end", class_="tick"))
            last = y
    return drawn
