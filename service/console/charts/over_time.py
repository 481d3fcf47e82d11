"""Over time: a number day by day with its interval, its limit, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from markupsafe import Markup

from service.console.charts.calendar_ticks import calendar_ticks
from service.console.charts.figure import Figure
from service.console.charts.frame import WIDTH, Frame, frame_of
from service.console.charts.keys import Key, keys
from service.console.charts.lettering import SIZE
from service.console.charts.marks import band, block, diamond, dot, line, triangle
from service.console.charts.scale import rounded, span, ticks
from service.console.charts.svg import element, joined
from service.console.charts.table import Table, shown

DOTS = 70
"""Beyond so many days only those that are breached, and those without a neighbour, have a mark of their own."""
MARK_ROW = 16.0


NEAR = 0.1
"""Of what lies between the limits of two sides, so much may each vary."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A number as it was read at the end of a day; value is None where there was too little data, and `reason` says so."""

    day: date
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    limit: float | None = None
    breached: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened on a day: `alarm` or `deployment`."""

    day: date
    kind: str
    told: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a number is drawn. unit: stands with the title of its axis. ideal: a value that is best; always inside the field."""

    name: str
    title: str
    unit: str
    floor: float | None = None
    ceiling: float | None = None
    ideal: float | None = None
    width: float = WIDTH
    height: float = 220.0


def over_time(wanted: Wanted, moments: Sequence[Moment], events: Sequence[Event] = ()) -> Figure:
    """Draw them. The field reaches from the first to the last day, and from the lowest to the highest end of what is shown."""
    days = [one.day.toordinal() for one in moments] or [one.day.toordinal() for one in events]
    happened = [one for one in events if days and min(days) <= one.day.toordinal() <= max(days)]
    frame = _frame(wanted, moments, days)
    across = calendar_ticks(date.fromordinal(int(frame.x.low)), date.fromordinal(int(frame.x.high)), max(2, int(wanted.width // 75)))
    up = ticks(frame.y.low, frame.y.high, 5)
    key, further = keys(_entries(wanted, moments, happened), frame.bottom + 2 * SIZE + 16, wanted.width)
    body = joined(
        frame.axes(across, up, "day (UTC)", wanted.unit),
        *_events(frame, happened),
        *_ideal(frame, wanted.ideal),
        *_series(frame, moments),
        *(_nothing(frame) if all(one.value is None for one in moments) else ()),
        key,
    )
    return Figure(
        wanted.name,
        wanted.title,
        _described(wanted, moments, happened),
        wanted.width,
        wanted.height + further,
        body,
        Table(
            ("day", "value", "low", "high", "n", "limit", "verdict", "reason"),
            tuple((one.day, one.value, one.low, one.high, one.n, one.limit, _verdict(one), one.reason) for one in moments),
        ),
    )


def _verdict(one: Moment) -> str:
    return "insufficient" if one.value is None else "breached" if one.breached else "within" if one.limit is not None else ""


def _frame(wanted: Wanted, moments: Sequence[Moment], days: Sequence[int]) -> Frame:
    ends = [end for one in moments for end in (one.value, one.low, one.high, one.limit)]
    low, high = rounded(*span([*ends, wanted.ideal], low=wanted.floor, high=wanted.ceiling), 5)
    first, last = (min(days), max(days)) if days else (date(2000, 1, 1).toordinal(),) * 2
    return frame_of(
        (first, last if last > first else first + 1), (low, high), ticks(low, high, 5), width=wanted.width, height=wanted.height
    )


def _series(frame: Frame, moments: Sequence[Moment]) -> Iterator[Markup]:
    for known, stretch in groupby(moments, key=lambda one: one.value is not None):
        part = list(stretch)
        if known:
            yield from _stretch(frame, part, single=len(part) == 1, many=len(moments) > DOTS)
        else:
            yield from (
                element(
                    "circle",
                    element("title", f"{one.day}: {one.reason or 'insufficient'}"),
                    cx=frame.x.at(one.day.toordinal()),
                    cy=frame.bottom,
                    r=2,
                    class_="absent",
                )
                for one in part
            )


def _stretch(frame: Frame, part: Sequence[Moment], *, single: bool, many: bool) -> Iterator[Markup]:
    x = [frame.x.at(one.day.toordinal()) for one in part]
    ended = [
        (at, frame.y.at(one.high), frame.y.at(one.low))
        for at, one in zip(x, part, strict=True)
        if one.low is not None and one.high is not None
    ]
    yield band([(at, high) for at, high, _ in ended], [(at, low) for at, _, low in ended])
    limits = [(at, one.limit) for at, one in zip(x, part, strict=True) if one.limit is not None]
    for side in sides_of(limits):
        yield line([(at, frame.y.at(value)) for at, value in side], "limit")
    values = [(at, frame.y.at(one.value)) for at, one in zip(x, part, strict=True) if one.value is not None]
    yield line(values, "series")
    for (at, y), one in zip(values, part, strict=True):
        if one.breached:
            yield block(at, y, _told(one))
        elif single or not many:
            yield dot(at, y, _told(one))


def _told(one: Moment) -> str:
    interval = f" ({shown(one.low)} to {shown(one.high)})" if one.low is not None and one.high is not None else ""
    beyond = f", beyond its limit of {shown(one.limit)}" if one.breached else ""
    return f"{one.day}: {shown(one.value)}{interval}, n = {one.n:,}{beyond}"


def _events(frame: Frame, events: Sequence[Event]) -> Iterator[Markup]:
    for one in events:
        x = frame.x.at(one.day.toordinal())
        mark = triangle if one.kind == "alarm" else diamond
        yield element("line", x1=x, x2=x, y1=frame.top, y2=frame.bottom, class_=f"event {'alarm' if one.kind == 'alarm' else 'deployment'}")
        yield mark(x, frame.top, f"{one.day}: {one.told}")


def _ideal(frame: Frame, ideal: float | None) -> Iterator[Markup]:
    if ideal is not None:
        yield element("line", x1=frame.left, x2=frame.right, y1=frame.y.at(ideal), y2=frame.y.at(ideal), class_="ideal")


def _nothing(frame: Frame) -> Iterator[Markup]:
    yield element(
        "text",
        "insufficient: nothing can be said yet",
        x=(frame.left + frame.right) / 2,
        y=(frame.top + frame.bottom) / 2,
        text_anchor="middle",
        class_="insufficient",
    )


def _entries(wanted: Wanted, moments: Sequence[Moment], events: Sequence[Event]) -> Iterator[Key]:
    if any(one.value is not None for one in moments):
        spread = any(one.low is not None for one in moments)
        yield Key("value, 95 % interval" if spread else "value", "series")
    if any(one.limit is not None for one in moments):
        yield Key("limit", "limit")
    if wanted.ideal is not None:
        yield Key("ideal", "ideal")
    if any(one.breached for one in moments):
        yield Key("breached", "dot breached", "box")
    if any(one.value is None for one in moments):
        yield Key("insufficient", "absent", "dot")
    kinds = {one.kind for one in events}
    if "alarm" in kinds:
        yield Key("alarm", "triangle", "triangle")
    if "deployment" in kinds:
        yield Key("deployment", "diamond", "diamond")


def _described(wanted: Wanted, moments: Sequence[Moment], events: Sequence[Event]) -> str:
    known = [one for one in moments if one.value is not None]
    if not known:
        return f"{wanted.title}: insufficient data on each of {len(moments)} days."
    last = known[-1]
    breached = sum(one.breached for one in moments)
    happened = "".join(f" {one.day}: {one.told}." for one in events[:5])
    return f"{wanted.title} from {moments[0].day} to {moments[-1].day}. Last: {_told(last)}. Beyond its limit on {breached} of {len(moments)} days shown.{happened}"


def sides_of(limits: Sequence[tuple[float, float]]) -> list[Sequence[tuple[float, float]]]:
    """Limits day by day, apart where they are those of two sides: a number that may leave its band upwards and downwards has the limit of the nearer side.

    >>> sides_of([(0, 0.8), (1, 1.2), (2, 0.8)])
    [[(0, 0.8), (2, 0.8)], [(1, 1.2)]]
    >>> len(sides_of([(0, 0.8), (1, 0.85), (2, 0.9)]))
    1
    """
    values = [value for _, value in limits]
    if not values:
        return []
    low, high = min(values), max(values)
    near = NEAR * (high - low)
    lower, upper = [one for one in limits if one[1] - low <= near], [one for one in limits if high - one[1] <= near]
    return [lower, upper] if high > low and len(lower) + len(upper) == len(limits) else [limits]
