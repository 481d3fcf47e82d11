"""Axes are marked at round numbers and at days that a calendar knows."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.console.charts.calendar_ticks import calendar_ticks
from service.console.charts.scale import Scale, rounded, span, ticks

numbers = st.floats(-1e12, 1e12, allow_nan=False)


@given(st.lists(numbers, min_size=1, max_size=5), st.integers(2, 10))
def test_marks_lie_within_are_few_and_are_told_apart(values: list[float], most: int) -> None:
    low, high = rounded(*span(values), most)
    found = ticks(low, high, most)
    assert 2 <= len(found) <= most + 2
    slack = 1e-8 * (high - low)
    assert low - slack <= min(values)
    assert max(values) <= high + slack
    assert len({one.label for one in found}) == len(found)


@given(numbers, numbers, st.lists(numbers, min_size=2, max_size=20))
def test_a_scale_keeps_the_order_and_its_ends(one: float, other: float, values: list[float]) -> None:
    low, high = span([one, other])
    scale = Scale(low, high, 40.0, 390.0)
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(40.0 <= place <= 390.0 + 1e-9 for place in places)


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)), st.integers(0, 9000), st.integers(2, 9))
def test_days_are_marked_in_steps_that_a_calendar_knows(first: date, length: int, most: int) -> None:
    last = first + timedelta(days=length)
    found = [date.fromordinal(int(one.value)) for one in calendar_ticks(first, last, most)]
    assert 1 <= len(found) <= most
    assert all(first <= day <= last for day in found)
    assert found == sorted(set(found))
    steps = {(later - earlier).days for earlier, later in itertools.pairwise(found)}
    assert len(steps) <= 1 or all(day.day == 1 for day in found)
