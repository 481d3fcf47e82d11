"""Whatever the data, a drawing is XML, inside its frame, without a text upon another, and without a word of its data as markup."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.curves import curves
from detectors.schema import SCORE_BINS
from service.console.charts.curve import Here, Line, Plot, curve
from service.console.charts.figure import Figure
from service.console.charts.forest import Row, forest
from service.console.charts.gauge import gauge, sparkline
from service.console.charts.histogram import evenly, histogram
from service.console.charts.ledger import End, ledger
from service.console.charts.over_time import Event, Moment, Wanted, over_time
from service.console.charts.reliability import Group, reliability
from service.console.charts.scores_by_truth import scores_by_truth
from service.console.charts.shares import Counted, Share, shares
from tests.console.charts.drawn import SVG, check

HOSTILE = "\"><script>alert(1)</script>' onload=x &amp; \x00\ud800]]>=1+1" + "W" * 300
FIRST = date(2025, 11, 20)
words = st.text(max_size=60)
rates = st.floats(0, 1)
numbers = st.floats(-1e9, 1e9, allow_nan=False)
few = settings(max_examples=25, deadline=None)


@st.composite
def moments(draw: st.DrawFn) -> list[Moment]:
    found: list[Moment] = []
    for gap in draw(st.lists(st.integers(1, 40), max_size=12)):
        value, limit = draw(st.none() | numbers), draw(st.none() | numbers)
        spread = abs(draw(numbers))
        low, high = (None, None) if value is None else (value - spread, value + spread)
        day = (found[-1].day if found else FIRST) + timedelta(days=gap)
        found.append(Moment(day, value, low, high, draw(st.integers(0, 10**9)), limit, draw(st.booleans()), draw(words)))
    return found


@few
@given(
    moments(),
    st.lists(st.tuples(st.integers(-50, 500), st.sampled_from(["alarm", "deployment"]), words), max_size=4),
    words,
    st.sampled_from([400.0, 880.0]),
)
def test_a_number_over_time(found: list[Moment], happened: list[tuple[int, str, str]], title: str, width: float) -> None:
    events = [Event(FIRST + timedelta(days=after), kind, told) for after, kind, told in happened]
    figure = over_time(Wanted("one", title, title, width=width), found, events)
    root = check(figure)
    assert len(figure.table.rows) == len(found)
    assert len([one for one in root.iter(f"{SVG}circle") if one.attrib["class"] == "absent"]) >= sum(one.value is None for one in found)


@few
@given(
    st.lists(
        st.builds(Share, words, st.none() | rates, st.none() | rates, st.sampled_from(["value", "missing", "unseen", "outside"])),
        max_size=40,
    )
)
def test_shares_of_a_category(found: list[Share]) -> None:
    figure = shares(Counted("one", "A category", (10, 20)), found)
    check(figure)
    assert len(figure.table.rows) == len(found)


@few
@given(st.lists(numbers, min_size=2, max_size=60, unique=True), st.data())
def test_a_histogram_keeps_all_mass(values: list[float], data: st.DataObject) -> None:
    edges = np.sort(np.array(values))
    mass = np.array(data.draw(st.lists(st.tuples(rates, rates), min_size=len(edges) - 1, max_size=len(edges) - 1)))
    marks, masses = evenly(edges, mass)
    assert np.allclose(masses.sum(axis=0), mass.sum(axis=0))
    assert (masses >= -1e-12).all()
    assert np.allclose(np.diff(marks), marks[1] - marks[0], rtol=1e-6)
    check(histogram(Counted("one", "A number", (5, 7)), "kV", edges, mass, [Share("missing", 0.1, 0.2, "missing")]))


@few
@given(st.lists(st.tuples(st.integers(0, SCORE_BINS - 1), st.booleans()), min_size=1, max_size=80), st.floats(-16, 16))
def test_curves_reliability_and_scores(films: list[tuple[int, bool]], threshold: float) -> None:
    negatives, positives = np.zeros(SCORE_BINS), np.zeros(SCORE_BINS)
    negatives[0] = positives[-1] = 1.0
    for place, positive in films:
        (positives if positive else negatives)[place] += 1
    for one in curves(negatives, positives):
        if one.name == "reliability":
            check(reliability(one.name, "Reliability", [Group(p.x, p.y, p.low, p.high, p.n) for p in one.points]))
            continue
        x, y, low, high = ([getattr(point, name) for point in one.points] for name in ("x", "y", "low", "high"))
        plot = Plot(one.name, one.name, one.x, one.y, None if one.name == "decision" else (0.0, 1.0))
        check(
            curve(plot, [Line("window", x, y, low, high), Line("flag all", x, [-9.0 for _ in x], role="ideal")], Here(x[0], y[0], "here"))
        )
    check(scores_by_truth("scores", "Scores", negatives, positives, threshold))


@few
@given(
    st.lists(
        st.builds(
            Row,
            words,
            st.floats(0, 1e7),
            st.none() | rates,
            st.none() | rates,
            st.none() | rates,
            st.floats(-1, 1),
            st.floats(-1, 1),
            st.floats(-1, 1),
            st.booleans(),
            note=words,
        ),
        max_size=15,
    ),
    st.none() | rates,
)
def test_a_forest(rows: list[Row], overall: float | None) -> None:
    check(forest("one", "A rate by subgroup", rows, overall))


@few
@given(
    st.integers(0, 10**12), st.lists(st.builds(End, words, st.integers(0, 10**12), st.sampled_from(["good", "held", "bad"])), max_size=8)
)
def test_a_ledger_says_when_it_does_not_balance(received: int, ends: list[End]) -> None:
    figure = ledger("one", received, ends)
    check(figure)
    assert (figure.note == "The books balance.") == (sum(one.count for one in ends) == received)


def hostile() -> Sequence[Figure]:
    counted, share = Counted("one", HOSTILE, (1, 1)), Share(HOSTILE, 0.5, 0.5)
    edges, mass = np.array([0.0, 1.0, 2.0]), np.array([[0.5, 0.5], [0.5, 0.5]])
    zeros = np.zeros(SCORE_BINS)
    return (
        over_time(
            Wanted("one", HOSTILE, HOSTILE),
            [Moment(FIRST, None, reason=HOSTILE), Moment(FIRST + timedelta(days=1), 1.0)],
            [Event(FIRST, "alarm", HOSTILE)],
        ),
        shares(counted, [share]),
        histogram(counted, HOSTILE, edges, mass, [share]),
        curve(Plot("one", HOSTILE, HOSTILE, HOSTILE, described=HOSTILE), [Line(HOSTILE, [0, 1], [0, 1])], Here(0.5, 0.5, HOSTILE)),
        reliability("one", HOSTILE, [Group(0.5, 0.5, 0.4, 0.6, 3)], note=HOSTILE),
        scores_by_truth("one", HOSTILE, zeros, zeros, 0.0),
        forest("one", HOSTILE, [Row(HOSTILE, note=HOSTILE), Row(HOSTILE, 3, 0.5, 0.4, 0.6, 0.1, 0.0, 0.2)]),
        ledger("one", 2, [End(HOSTILE, 2)]),
    )


@pytest.mark.parametrize("figure", hostile(), ids=lambda figure: type(figure).__name__)
def test_hostile_words_are_words(figure: Figure) -> None:
    root = check(figure)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {"svg", "title", "desc", "style", "text", "line", "path", "rect", "circle"}
    page = figure.shown((("CSV", '"javascript:x'),))
    assert "<script" not in page
    assert "onload=x" not in page.replace("&#39; onload=x", "")
    assert all(not cell.startswith("=") for line in figure.table.csv().splitlines() for cell in line.split(","))


def test_a_gauge_says_in_words_whether_it_pages() -> None:
    assert "an alarm" not in gauge(0.99)
    assert "an alarm" in gauge(1.0)
    assert "nothing was judged yet" in gauge(None)
    assert gauge(float("inf")).count("<path") == 1
    assert sparkline([0.1, None, 0.3, 0.4], "flag rate").count("<path") == 1


def test_numbers_that_are_none_are_never_drawn() -> None:
    with pytest.raises(ValueError, match="only numbers"):
        over_time(Wanted("one", "One", "one"), [Moment(FIRST, float("nan"))])
