"""Durations: how long answers took, as bars over a scale that doubles, with the median and the 99th percentile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from service.console.charts.figure import Figure
from service.console.charts.frame import WIDTH, Frame, frame_of
from service.console.charts.lettering import SIZE
from service.console.charts.scale import Tick, rounded, ticks
from service.console.charts.shares import percent
from service.console.charts.svg import element, joined
from service.console.charts.table import Table

LEAST, MOST = 1.0, 16_384.0
"""Milliseconds at the ends of the scale; what lies beyond is in its outermost bars."""
STEPS = 2
"""Bars for each doubling."""


def durations(name: str, title: str, found: Sequence[float]) -> Figure:
    """Draw durations, in milliseconds; at least one."""
    values = np.asarray(found, dtype=np.float64)
    edges = np.exp2(np.arange(np.log2(LEAST), np.log2(MOST) + 1 / STEPS, 1 / STEPS))
    counts = np.bincount(np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2), minlength=len(edges) - 1)
    share: NDArray[np.float64] = counts / counts.sum()
    first, last = int(np.flatnonzero(counts)[0]), int(np.flatnonzero(counts)[-1]) + 1
    low, high = max(first - STEPS, 0), min(last + STEPS, len(edges) - 1)
    _, top = rounded(0.0, float(share.max()), 4)
    up = [Tick(one.value, percent(one.value).replace(".0 ", " ")) for one in ticks(0.0, top, 4)]
    frame = frame_of((float(np.log2(edges[low])), float(np.log2(edges[high]))), (0.0, top), up, height=190.0)
    whole = range(-(-low // STEPS), high // STEPS + 1)
    across = [Tick(float(power), f"{2.0**power:g}") for power in whole]
    middle, late = (float(one) for one in np.quantile(values, (0.5, 0.99)))
    told = f"Of {len(values):,} answers half took at most {middle:.3g} ms and 99 % at most {late:.3g} ms; the longest took {values.max():.3g} ms."
    body = joined(frame.axes(across, up, "milliseconds from receipt to answer", "share of answers"), *_bars(frame, edges, share, low, high))
    rows = tuple((round(float(edges[at]), 1), round(float(edges[at + 1]), 1), int(counts[at])) for at in range(low, high))
    return Figure(name, title, told, WIDTH, frame.bottom + 2 * SIZE + 18, body, Table(("from ms", "to ms", "answers"), rows), told)


def _bars(frame: Frame, edges: NDArray[np.float64], share: NDArray[np.float64], low: int, high: int) -> Iterator[Markup]:
    for at in range(low, high):
        if share[at] > 0:
            left, right, y = frame.x.at(float(np.log2(edges[at]))), frame.x.at(float(np.log2(edges[at + 1]))), frame.y.at(float(share[at]))
            told = element("title", f"{edges[at]:.3g} to {edges[at + 1]:.3g} ms: {percent(float(share[at]))}")
            yield element("rect", told, x=left + 0.5, y=y, width=right - left - 1, height=frame.bottom - y, class_="window-bar")
