"""Shares: how often each value came, in the reference and in the window, as two bars in a row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from service.console.charts.figure import Figure
from service.console.charts.frame import WIDTH
from service.console.charts.keys import Key, keys
from service.console.charts.lettering import fitted
from service.console.charts.scale import Scale
from service.console.charts.svg import element, joined
from service.console.charts.table import NOTHING, Table

ROW = 25.0
LABELS, NUMBERS = 112.0, 112.0
LEAST = 1e-6
"""Share that a whole bar stands for at least."""
MOST = 12
"""Values with a row of their own; the others are one row together."""


@dataclass(frozen=True, slots=True)
class Share:
    """A value and its share of all films; None where there are no films. kind: `value`, `missing`, `unseen` or `outside`."""

    label: str
    reference: float | None
    window: float | None
    kind: str = "value"


@dataclass(frozen=True, slots=True)
class Counted:
    """What is compared. n: films of the reference, films of the window."""

    name: str
    title: str
    n: tuple[int, int]


def shares(counted: Counted, found: Sequence[Share]) -> Figure:
    """Draw the values of a category."""
    chosen = leading(found)
    key, high = keys(entries(counted), 0.0, WIDTH)
    body = joined(key, *rows(chosen, high + 4))
    return Figure(counted.name, counted.title, described(counted, chosen), WIDTH, high + 8 + ROW * len(chosen), body, table_of(found))


def leading(found: Sequence[Share]) -> list[Share]:
    """The most frequent values on either side, then the rest as one, then what is missing, unseen or outside."""
    values = [one for one in found if one.kind == "value"]
    first = sorted(values, key=lambda one: -max(one.reference or 0.0, one.window or 0.0))[: MOST - 1] if len(values) > MOST else values
    rest = [one for one in values if one not in first]
    joint = [Share(f"{len(rest)} other values", _sum(one.reference for one in rest), _sum(one.window for one in rest))] if rest else []
    return [*(one for one in values if one in first), *joint, *(one for one in found if one.kind != "value")]


def rows(found: Sequence[Share], top: float, least: float = 0.0) -> Iterator[Markup]:
    """A row each: what it is, two bars, two numbers. least: share that a whole bar stands for at least."""
    greatest = max((share for one in found for share in (one.reference, one.window) if share is not None), default=0.0)
    greatest = max(greatest, least, LEAST)
    scale = Scale(0.0, greatest, LABELS, WIDTH - NUMBERS)
    for place, one in enumerate(found):
        y = top + place * ROW
        yield element(
            "text",
            element("title", one.label),
            fitted(one.label, LABELS - 8),
            x=LABELS - 6,
            y=y + ROW / 2 + 2,
            text_anchor="end",
            class_="label" if one.kind == "value" else "label special",
        )
        yield element("rect", x=LABELS, y=y + 3, width=scale.at(one.reference or 0.0) - LABELS, height=7, class_="reference-bar")
        window = scale.at(one.window or 0.0) - LABELS
        yield element("rect", x=LABELS, y=y + 12, width=window, height=7, class_=f"window-bar {one.kind}")
        told = f"{percent(one.reference)} → {percent(one.window)}"
        yield element("text", told, x=WIDTH - 4, y=y + ROW / 2 + 2, text_anchor="end", class_="label")
        yield element("line", x1=LABELS, x2=LABELS, y1=y + 1, y2=y + 21, class_="axis")


def entries(counted: Counted) -> tuple[Key, Key]:
    """What the two bars are."""
    reference, window = counted.n
    return Key(f"reference, n = {reference:,}", "reference-bar", "box"), Key(f"window, n = {window:,}", "window-bar", "box")


def percent(share: float | None) -> str:
    """A share, for reading.

    >>> percent(0.1234), percent(0.00004), percent(0)
    ('12.3 %', '<0.1 %', '0 %')
    """
    if share is None:
        return NOTHING
    if 0 < share < 0.0005:  # noqa: PLR2004 - rounds to nothing
        return "<0.1 %"
    return f"{100 * share:.1f} %" if share else "0 %"


def table_of(found: Sequence[Share]) -> Table:
    """All shares in numbers."""
    return Table(
        ("value", "kind", "reference share", "window share"), tuple((one.label, one.kind, one.reference, one.window) for one in found)
    )


def described(counted: Counted, found: Sequence[Share]) -> str:
    """The rows that moved furthest, in words."""
    moved = sorted(found, key=lambda one: -abs((one.window or 0.0) - (one.reference or 0.0)))[:3]
    said = "; ".join(f"{one.label}: {percent(one.reference)} in the reference, {percent(one.window)} in the window" for one in moved)
    return f"{counted.title}: shares in the reference ({counted.n[0]:,} films) and in the window ({counted.n[1]:,} films). {said}."


def _sum(parts: Iterator[float | None]) -> float | None:
    known = [one for one in parts if one is not None]
    return sum(known) if known else None
