"""Keys: what the marks of a drawing stand for, in rows below its axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from service.console.charts.lettering import SIZE, fitted, width_of
from service.console.charts.marks import diamond, triangle
from service.console.charts.svg import element, joined

SAMPLE = 18.0
ROW = SIZE + 7
MARGIN = 4.0
SHAPES = {"diamond": diamond, "triangle": triangle}


@dataclass(frozen=True, slots=True)
class Key:
    """A word and a sample of its mark: `line`, `box`, `dot`, `diamond` or `triangle`, of this class."""

    word: str
    class_: str
    shape: str = "line"


def keys(listed: Iterable[Key], y: float, width: float) -> tuple[Markup, float]:
    """The rows of a key from y on, and how high they are."""
    entries = tuple(listed)
    drawn: list[Markup] = []
    x, row = MARGIN, 0
    for one in entries:
        word = fitted(one.word, width - 3 * MARGIN - SAMPLE)
        needed = SAMPLE + width_of(word) + 14
        if x > MARGIN and x + needed > width:
            x, row = MARGIN, row + 1
        middle = y + row * ROW + ROW / 2
        drawn += [_sample(one, x, middle), element("text", word, x=x + SAMPLE, y=middle + SIZE * 0.35, class_="key")]
        x += needed
    return joined(*drawn), (row + 1) * ROW if entries else 0.0


def _sample(one: Key, x: float, y: float) -> Markup:
    if one.shape == "box":
        return element("rect", x=x, y=y - 4, width=13, height=8, class_=one.class_)
    if one.shape in SHAPES:
        return SHAPES[one.shape](x + 6.5, y, one.word, one.class_)
    if one.shape == "dot":
        return element("circle", cx=x + 6.5, cy=y, r=3, class_=one.class_)
    return element("line", x1=x, x2=x + 13, y1=y, y2=y, class_=one.class_)
