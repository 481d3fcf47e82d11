"""Scores by truth: how films with the finding (upwards) and without it (downwards) are scored, and where the threshold lies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from detectors.schema import SCORE_BINS, score_centers
from service.console.charts.figure import Figure
from service.console.charts.frame import WIDTH, Frame, frame_of
from service.console.charts.keys import Key, keys
from service.console.charts.lettering import SIZE
from service.console.charts.scale import Tick, rounded, step_of
from service.console.charts.shares import percent
from service.console.charts.svg import element, joined
from service.console.charts.table import Table

REACH = 8.0
"""Scores beyond are counted in the outermost bar."""
BARS = 32
LEAST = 1e-6
"""Share that the axis reaches at least."""
PROBABILITIES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)

Floats = NDArray[np.float64]


def scores_by_truth(name: str, title: str, negatives: Floats, positives: Floats, threshold: float) -> Figure:
    """Draw shares of each class by score.

    Args:
        name: Of the figure.
        title: Of the figure.
        negatives: Films without the finding by score bin [1000].
        positives: Films with it [1000].
        threshold: Operating point, a logit.
    """
    edges = np.linspace(-REACH, REACH, BARS + 1)
    place = np.clip(np.searchsorted(edges, score_centers(), side="right") - 1, 0, BARS - 1)
    down, up = (_share(np.bincount(place, one, BARS).astype(np.float64)) for one in (negatives, positives))
    _, most = rounded(0.0, max(float(up.max()), float(down.max()), LEAST), 3)
    marks = _marks(most)
    frame = frame_of((-REACH, REACH), (-most, most), marks, height=260.0)
    key, further = keys(_entries(negatives, positives), frame.bottom + 2 * SIZE + 16, WIDTH)
    across = [Tick(float(np.log(p / (1 - p))), f"{p:g}") for p in PROBABILITIES]
    x = frame.x.at(threshold)
    body = joined(
        frame.axes(across, marks, "probability (even in logit)", "share of films of each kind"),
        *_bars(frame, edges, up, down),
        element("line", x1=frame.left, x2=frame.right, y1=frame.y.at(0), y2=frame.y.at(0), class_="axis"),
        element("line", x1=x, x2=x, y1=frame.top, y2=frame.bottom, class_="limit"),
        key,
    )
    rows = tuple(zip(edges[:-1].tolist(), edges[1:].tolist(), down.tolist(), up.tolist(), strict=True))
    return Figure(
        name,
        title,
        _described(title, negatives, positives, threshold),
        WIDTH,
        260.0 + further,
        body,
        Table(("from (logit)", "to (logit)", "share of negatives", "share of positives"), rows),
    )


def _share(counts: Floats) -> Floats:
    return counts / max(float(counts.sum()), 1e-12)


def _marks(most: float) -> list[Tick]:
    step = step_of(0.0, most, 3)
    places = np.arange(-round(most / step), round(most / step) + 1) * step
    return [Tick(float(one), percent(abs(float(one))).replace(".0 ", " ")) for one in places]


def _bars(frame: Frame, edges: Floats, up: Floats, down: Floats) -> Iterator[Markup]:
    zero, wide = frame.y.at(0.0), frame.x.at(float(edges[1])) - frame.x.at(float(edges[0])) - 1
    for low, positive, negative in zip(edges.tolist(), up.tolist(), down.tolist(), strict=False):
        x = frame.x.at(low) + 0.5
        if positive > 0:
            y = frame.y.at(positive)
            yield element("rect", x=x, y=y, width=wide, height=zero - y, class_="positive-bar")
        if negative > 0:
            yield element("rect", x=x, y=zero, width=wide, height=frame.y.at(-negative) - zero, class_="negative-bar")


def _entries(negatives: Floats, positives: Floats) -> Iterator[Key]:
    yield Key(f"up: with the finding, {positives.sum():,.0f} films", "positive-bar", "box")
    yield Key(f"down: without it, {negatives.sum():,.0f} films", "negative-bar", "box")
    yield Key("operating point", "limit")


def _described(title: str, negatives: Floats, positives: Floats, threshold: float) -> str:
    above = score_centers() >= threshold
    if min(negatives.sum(), positives.sum()) <= 0 or len(negatives) != SCORE_BINS:
        return f"{title}: insufficient labels of one kind."
    flagged = [float(one[above].sum() / one.sum()) for one in (positives, negatives)]
    return f"{title}: {percent(flagged[0])} of films with the finding and {percent(flagged[1])} of those without it lie at or above the operating point."
