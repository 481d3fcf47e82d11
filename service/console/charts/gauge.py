"""Gauge and sparkline: a number in a line of a table, as small as a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup

from service.console.charts.marks import line
from service.console.charts.scale import Scale, span
from service.console.charts.svg import element
from service.console.charts.table import shown

WIDE, HIGH = 90.0, 16.0
TOP = 2.0
"""Evidence over its limit at which the gauge is full; more is told by an arrow and in words."""


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    class_: str


def gauge(evidence: float | None) -> Markup:
    """Evidence over its limit: a bar from 0 to 2 whose middle is the limit. From there on it pages, and has a frame."""
    words = _words(evidence)
    scale = Scale(0.0, TOP, 1.0, WIDE - 9)
    limit = scale.at(1.0)
    value = 0.0 if evidence is None or not isfinite(evidence) else scale.at(evidence)
    parts = [
        element("title", words.title),
        element("rect", x=1, y=4, width=WIDE - 10, height=8, class_="gauge-field"),
        element("rect", x=1, y=4, width=max(value - 1, 0.0), height=8, class_=words.class_),
        element("line", x1=limit, x2=limit, y1=1, y2=15, class_="gauge-limit"),
    ]
    if evidence is not None and evidence > TOP:
        parts.append(element("path", d=f"M{WIDE - 8} 3 L{WIDE - 1} 8 L{WIDE - 8} 13 Z", class_=words.class_))
    return _inline(*parts, label=words.title)


def sparkline(values: Sequence[float | None], told: str, limit: float | None = None) -> Markup:
    """How a number went, without axes; gaps where nothing could be said. told: what it is, in words."""
    low, high = span([*values, limit])
    y, x = Scale(low, high, HIGH - 2, 2.0), Scale(0.0, float(max(len(values) - 1, 1)), 2.0, WIDE - 4)
    parts = [element("title", told)]
    if limit is not None:
        parts.append(element("line", x1=2, x2=WIDE - 4, y1=y.at(limit), y2=y.at(limit), class_="limit thin"))
    run: list[tuple[float, float]] = []
    for place, value in enumerate([*values, None]):
        if value is not None and isfinite(value):
            run.append((x.at(float(place)), y.at(value)))
        else:
            parts.append(line(run, "series thin"))
            run = []
    known = [(place, value) for place, value in enumerate(values) if value is not None and isfinite(value)]
    if known:
        parts.append(element("circle", cx=x.at(float(known[-1][0])), cy=y.at(known[-1][1]), r=2, class_="dot"))
    return _inline(*parts, label=told)


def _words(evidence: float | None) -> _Words:
    if evidence is None:
        return _Words("evidence: nothing was judged yet", "gauge-bar")
    if evidence >= 1:
        return _Words(f"evidence {shown(evidence)} of its limit: an alarm", "gauge-bar breached")
    return _Words(f"evidence {shown(evidence)} of its limit", "gauge-bar")


def _inline(*parts: Markup, label: str) -> Markup:
    return element(
        "svg", *parts, viewBox=f"0 0 {WIDE:g} {HIGH:g}", width=WIDE, height=HIGH, role="img", aria_label=label, class_="drawing inline"
    )
