"""Histogram: how a number was distributed in the reference (outline) and in the window (filled), on round bins of equal width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from service.console.charts.figure import Figure
from service.console.charts.frame import WIDTH, Frame, frame_of
from service.console.charts.keys import keys
from service.console.charts.lettering import SIZE
from service.console.charts.scale import Tick, rounded, span, step_of, ticks, written
from service.console.charts.shares import ROW, Counted, Share, described, entries, percent, rows, table_of
from service.console.charts.svg import element, joined, path

BARS = 24
LEAST = 1e-6
"""Share that the axis reaches at least."""
LONG_TAIL = 4.0
"""Times the width of the middle 97 %: where the range is longer, the axis ends near the middle and its last bars hold the tails."""

Floats = NDArray[np.float64]


def evenly(edges: Floats, mass: Floats, most: int = BARS) -> tuple[Floats, Floats]:
    """Share out the mass of bins over round bins of equal width; within a bin it is taken to be even.

    Args:
        edges: Of the given bins, ascending [bins + 1].
        mass: In each of them [bins, columns].
        most: Bins, about.

    Returns:
        Edges and masses of at most about `most` bins; the outermost hold what lies beyond.

    >>> evenly(np.array([0.0, 1.0, 4.0]), np.array([[2.0], [6.0]]), most=5)[1].ravel().tolist()
    [2.0, 2.0, 2.0, 2.0]
    """
    low, high = float(edges[0]), float(edges[-1])
    middle = edges[1:-1]
    if len(middle) > 1 and middle[-1] > middle[0] and high - low > LONG_TAIL * (middle[-1] - middle[0]):
        step = step_of(float(middle[0]), float(middle[-1]), most - 4)
        low, high = float(middle[0]) - 2 * step, float(middle[-1]) + 2 * step
    low, high = span([low, high])
    step = step_of(low, high, most)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    marks = np.arange(first, last + 1) * step
    grown = np.vstack([np.zeros(mass.shape[1]), np.cumsum(mass, axis=0)])
    # Edges that lie closer than any drawing shows are one: the slope between them is no number.
    unit = max(float(edges[-1] - edges[0]), LEAST)
    places, wanted = (np.round((one - edges[0]) / unit, 12) for one in (edges, marks))
    below = np.stack([np.interp(wanted, places, column) for column in grown.T], axis=1)
    below[0], below[-1] = 0.0, grown[-1]
    return marks, np.diff(below, axis=0)


def histogram(counted: Counted, unit: str, edges: Floats, mass: Floats, rest: Sequence[Share]) -> Figure:
    """Draw it.

    Args:
        counted: What is compared, and how many films.
        unit: Of the number; stands at its axis.
        edges: Of the reference's bins [bins + 1].
        mass: Share of the reference's and of the window's films in each bin [bins, 2].
        rest: What lies below or above the reference's range, and what is missing; in rows below.
    """
    marks, masses = evenly(edges, mass)
    _, high = rounded(0.0, max(float(masses.max()), LEAST), 4)
    up = [Tick(one.value, percent(one.value).replace(".0 ", " ")) for one in ticks(0.0, high, 4)]
    frame = frame_of((float(marks[0]), float(marks[-1])), (0.0, high), up, height=190.0)
    key, key_height = keys(entries(counted), frame.bottom + 2 * SIZE + 16, WIDTH)
    below = frame.bottom + 2 * SIZE + 20 + key_height
    across = ticks(float(marks[0]), float(marks[-1]), 7)
    body = joined(
        frame.axes(across, up, unit, "share of films in each bin"),
        *_bars(frame, marks, masses[:, 1]),
        _outline(frame, marks, masses[:, 0]),
        key,
        *rows(rest, below, high),
    )
    found = [*_bins(marks, masses), *rest]
    return Figure(counted.name, counted.title, described(counted, found), WIDTH, below + ROW * len(rest) + 4, body, table_of(found))


def _bars(frame: Frame, marks: Floats, mass: Floats) -> Iterator[Markup]:
    for low, high, share in zip(marks.tolist(), marks[1:].tolist(), mass.tolist(), strict=False):
        if share > 0:
            x, y = frame.x.at(low), frame.y.at(share)
            told = element("title", f"{low:g} to {high:g}: {percent(share)} of the window")
            yield element(
                "rect", told, x=x + 0.5, y=y, width=max(frame.x.at(high) - x - 1, 0.5), height=frame.bottom - y, class_="window-bar"
            )


def _outline(frame: Frame, marks: Floats, mass: Floats) -> Markup:
    points = [(frame.x.at(float(marks[0])), frame.bottom)]
    for low, high, share in zip(marks.tolist(), marks[1:].tolist(), mass.tolist(), strict=False):
        points += [(frame.x.at(low), frame.y.at(share)), (frame.x.at(high), frame.y.at(share))]
    return element("path", d=path([*points, (frame.x.at(float(marks[-1])), frame.bottom)]), class_="reference-outline")


def _bins(marks: Floats, masses: Floats) -> Iterator[Share]:
    step = float(marks[1] - marks[0])
    for low, high, (reference, window) in zip(marks.tolist(), marks[1:].tolist(), masses.tolist(), strict=False):
        yield Share(f"{written(low, step)} to {written(high, step)}", reference, window)
