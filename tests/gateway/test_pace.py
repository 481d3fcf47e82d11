"""No caller takes more than his share, and how many there are costs little."""

from __future__ import annotations

import pytest

from service.errors import PacedError
from service.gateway.pace import MOST_CALLERS, Pace


class Clock:
    """A clock that stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_limits_nobody_is_held_up() -> None:
    pace = Pace(None, None)
    assert all(pace.enter("pacs") is None for _ in range(1000))


def test_a_bucket_is_emptied_and_fills_with_time() -> None:
    clock = Clock()
    pace = Pace(5.0, None, clock=clock)
    for _ in range(5):
        pace.enter("pacs")
    with pytest.raises(PacedError):
        pace.enter("pacs")
    pace.enter("another")
    clock.now = 0.4
    pace.enter("pacs")
    pace.enter("pacs")
    with pytest.raises(PacedError):
        pace.enter("pacs")


def test_what_has_left_makes_room() -> None:
    pace = Pace(None, 2)
    leave, _ = pace.enter("pacs"), pace.enter("pacs")
    with pytest.raises(PacedError):
        pace.enter("pacs")
    assert leave is not None
    leave()
    pace.enter("pacs")


def test_a_refused_request_takes_no_place() -> None:
    pace = Pace(1.0, 1, clock=Clock())
    leave = pace.enter("pacs")
    assert leave is not None
    leave()
    for _ in range(3):
        with pytest.raises(PacedError):
            pace.enter("pacs")


def test_callers_beyond_number_are_forgotten() -> None:
    pace = Pace(1.0, None, clock=Clock())
    for number in range(MOST_CALLERS + 10):
        pace.enter(str(number))
    assert len(pace._buckets) == MOST_CALLERS
