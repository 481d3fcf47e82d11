"""Ledger flow: what came, and where it ended: received = recorded + spooled + refused + failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from service.console.charts.figure import Figure
from service.console.charts.frame import WIDTH
from service.console.charts.lettering import SIZE, fitted
from service.console.charts.svg import element, joined, number
from service.console.charts.table import Table

LEAST = 3.0
"""Even one of a million is seen."""
FIELD, TOP = 150.0, 20.0
LEFT, MIDDLE, BAR = 4.0, 190.0, 16.0


@dataclass(frozen=True, slots=True)
class End:
    """How requests ended, how many, and whether that is `good`, `held` (safe, not there yet) or `bad`."""

    name: str
    count: int
    sense: str = "good"


def ledger(name: str, received: int, ends: Sequence[End]) -> Figure:
    """Draw the flow from what was received to its ends; what has no end is shown as `unaccounted`, in a frame of its own."""
    missing = received - sum(one.count for one in ends)
    listed = [*ends, *([End("unaccounted", missing, "bad")] if missing else [])]
    total = max(sum(abs(one.count) for one in listed), 1)
    heights = [max(LEAST if one.count else 1.0, FIELD * abs(one.count) / total) for one in listed]
    places = _places(heights)
    body = joined(
        element("text", f"received {received:,}", x=LEFT, y=SIZE + 2, class_="axis-title"),
        element("rect", x=LEFT, y=TOP, width=BAR, height=sum(heights), class_="flow-source"),
        *_bands(listed, heights, places),
    )
    height = places[-1] + max(heights[-1], SIZE + 4) + 6 if places else TOP + FIELD
    total_row = ("received", received, "")
    balance = "The books balance." if not missing else f"{missing:,} are unaccounted for."
    said = ", ".join(f"{one.name} {one.count:,}" for one in listed)
    return Figure(
        name,
        "Where requests ended",
        f"Of {received:,} requests received: {said}. {balance}",
        WIDTH,
        height,
        body,
        Table(("end", "requests", "sense"), (total_row, *((one.name, one.count, one.sense) for one in listed))),
        balance,
    )


def _places(heights: Sequence[float]) -> list[float]:
    """Upper edge of each end: far enough apart for a line of text."""
    places, y = [], TOP
    for height in heights:
        places.append(y)
        y += max(height, SIZE + 4) + 5
    return places


def _bands(ends: Sequence[End], heights: Sequence[float], places: Sequence[float]) -> Iterator[Markup]:
    y = TOP
    for one, height, place in zip(ends, heights, places, strict=True):
        if one.count:
            yield _band(one, y, height, place)
            yield element("rect", x=MIDDLE, y=place, width=BAR / 2, height=height, class_=f"flow-end {one.sense}")
        label = fitted(f"{one.name} {one.count:,}", WIDTH - MIDDLE - BAR - 4)
        yield element("text", label, x=MIDDLE + BAR, y=place + max(height / 2, SIZE / 2) + SIZE * 0.35, class_="label")
        y += height


def _band(one: End, y: float, height: float, place: float) -> Markup:
    """From its part of the source to its end."""
    start, stop, bend = (number(x) for x in (LEFT + BAR, MIDDLE, (LEFT + BAR + MIDDLE) / 2))
    top, bottom, upper, lower = (number(edge) for edge in (y, y + height, place, place + height))
    there = f"M{start} {top} C{bend} {top} {bend} {upper} {stop} {upper}"
    back = f"L{stop} {lower} C{bend} {lower} {bend} {bottom} {start} {bottom} Z"
    return element("path", element("title", f"{one.name}: {one.count:,}"), d=f"{there} {back}", class_=f"flow {one.sense}")
