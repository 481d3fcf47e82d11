"""Forest plot: a rate in every subgroup with its interval, the gap to everybody else, and what cannot be shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from service.console.charts.figure import Figure
from service.console.charts.frame import WIDTH, across_labels
from service.console.charts.keys import Key, keys
from service.console.charts.lettering import SIZE, fitted, width_of
from service.console.charts.marks import block, level
from service.console.charts.scale import Scale, rounded, span, ticks
from service.console.charts.svg import element, joined
from service.console.charts.table import Table, shown

ROW, TOP = 36.0, 22.0
BOLD = 1.12 * SIZE
"""Letters of a name are as wide as larger plain ones."""
FIELD = (8.0, 218.0)


@dataclass(frozen=True, slots=True)
class Row:
    """A subgroup. value is None where nothing is shown, and `note` says why: hidden, or insufficient.

    n: plain labels that would say as much. real: the gap is told from chance (adjusted). detectable: smallest gap that would be seen.
    """

    label: str
    n: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    gap: float | None = None
    gap_low: float | None = None
    gap_high: float | None = None
    real: bool = False
    detectable: float | None = None
    note: str = ""


def forest(name: str, title: str, rows: Sequence[Row], overall: float | None = None, note: str = "") -> Figure:
    """Draw a row each: its name and rate above, interval and gap below."""
    low, high = rounded(*span([end for one in rows for end in (one.value, one.low, one.high)] + [overall]), 5)
    scale = Scale(max(low, 0.0), min(high, 1.0) if high > max(low, 0.0) else high, *FIELD)
    bottom = TOP + ROW * len(rows)
    marks = ticks(scale.low, scale.high, 5)
    key, further = keys(_entries(rows, overall), bottom + SIZE + 12, WIDTH)
    body = joined(
        element("text", "rate, 95 % interval", x=FIELD[0], y=SIZE + 2, class_="axis-title"),
        element("text", "rate (95 %), n; below: gap (95 %)", x=WIDTH - 4, y=SIZE + 2, text_anchor="end", class_="axis-title"),
        *(element("line", x1=scale.at(one.value), x2=scale.at(one.value), y1=TOP, y2=bottom, class_="grid") for one in marks),
        *([element("line", x1=scale.at(overall), x2=scale.at(overall), y1=TOP, y2=bottom, class_="ideal")] if overall is not None else []),
        *(part for place, one in enumerate(rows) for part in _row(one, TOP + ROW * place, scale)),
        element("line", x1=FIELD[0], x2=FIELD[1], y1=bottom, y2=bottom, class_="axis"),
        *across_labels(marks, scale, bottom + SIZE + 3, WIDTH),
        key,
    )
    return Figure(name, title, _described(title, rows), WIDTH, bottom + SIZE + 16 + further, body, _table(rows), note)


def _row(one: Row, top: float, scale: Scale) -> Iterator[Markup]:
    told = "" if one.value is None else f"{_rate(one)}, n {one.n or 0:,.0f}"
    room = WIDTH - FIELD[0] - 10 - width_of(told)
    yield element("text", element("title", one.label), fitted(one.label, room, BOLD), x=FIELD[0], y=top + SIZE + 2, class_="label strong")
    middle = top + SIZE + 14
    if one.value is None:
        yield element(
            "text",
            element("title", one.note),
            fitted(one.note or "insufficient", WIDTH - 16),
            x=FIELD[0],
            y=middle + 3,
            class_="insufficient",
        )
        return
    yield element("text", told, x=WIDTH - 4, y=top + SIZE + 2, text_anchor="end", class_="label")
    if one.low is not None and one.high is not None:
        yield level(scale.at(one.low), scale.at(one.high), middle)
    yield block(scale.at(one.value), middle, f"{one.label}: {told}", "forest-mark real" if one.real else "forest-mark")
    yield element("text", _gap(one), x=WIDTH - 4, y=middle + 3, text_anchor="end", class_="label real" if one.real else "label quiet")


def _rate(one: Row) -> str:
    return shown(one.value) if one.low is None or one.high is None else f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _gap(one: Row) -> str:
    if one.gap is None:
        return ""
    interval = f" ({_signed(one.gap_low)} to {_signed(one.gap_high)})" if one.gap_low is not None and one.gap_high is not None else ""
    return f"gap {_signed(one.gap)}{interval}"


def _signed(value: float) -> str:
    text = f"{value:+.2f}".replace("-", "\u2212")
    return "0.00" if text.endswith("0.00") else text


def _entries(rows: Sequence[Row], overall: float | None) -> Iterator[Key]:
    if overall is not None:
        yield Key(f"all films: {overall:.2f}", "ideal")
    if any(one.value is not None for one in rows):
        yield Key("no gap told from chance", "forest-mark", "box")
    if any(one.real for one in rows):
        yield Key("a gap, adjusted p at most 0.05", "forest-mark real", "box")


def _table(rows: Sequence[Row]) -> Table:
    columns = (
        "subgroup",
        "n",
        "rate",
        "low",
        "high",
        "gap",
        "gap low",
        "gap high",
        "told from chance",
        "smallest gap seen at this n",
        "note",
    )
    return Table(
        columns,
        tuple(
            (
                one.label,
                one.n,
                one.value,
                one.low,
                one.high,
                one.gap,
                one.gap_low,
                one.gap_high,
                "" if one.gap is None else "yes" if one.real else "no",
                one.detectable,
                one.note,
            )
            for one in rows
        ),
    )


def _described(title: str, rows: Sequence[Row]) -> str:
    known, real = [one for one in rows if one.value is not None], [one for one in rows if one.real]
    told = "; ".join(f"{one.label}: {_gap(one)}" for one in real[:4])
    return f"{title}: {len(known)} of {len(rows)} subgroups can be shown. {f'Gaps told from chance: {told}.' if real else 'No gap is told from chance.'}"
