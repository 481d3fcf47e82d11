"""Films that together would take more memory than there is wait for each other, in their order, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from service.errors import BusyError, OutOfScopeError, TooLargeError
from service.gateway.budget import BYTES_A_PIXEL, PixelBudget
from service.gateway.limits import Limits
from service.models.manifest import Accepts
from tests.api.serving import until
from tests.films import make_film, phantom
from tests.gateway.decoding import ANY, decode

ROOM = 100


def budget_of(pixels: int = ROOM, patience: float = 60.0) -> PixelBudget:
    return PixelBudget(BYTES_A_PIXEL * pixels, patience)


def reading(budget: PixelBudget, pixels: int, threads: ThreadPoolExecutor) -> tuple[Event, Callable[[], None], Future[None]]:
    """A film in a thread of its own: whether it has its room, how to end it, and its end."""
    inside, leave = Event(), Event()

    def read() -> None:
        with budget.share() as reserve:
            reserve(pixels)
            inside.set()
            leave.wait()

    return inside, leave.set, threads.submit(read)


def test_a_film_waits_for_room_and_those_behind_it_wait_too() -> None:
    budget = budget_of()
    with ThreadPoolExecutor(4) as threads:
        first, end_first, _ = reading(budget, 80, threads)
        first.wait()
        large, end_large, _ = reading(budget, 90, threads)
        until(lambda: len(budget._line) == 1)
        small, end_small, _ = reading(budget, 10, threads)
        until(lambda: len(budget._line) == 2)
        assert (large.is_set(), small.is_set()) == (False, False)
        end_first()
        large.wait()
        small.wait()
        assert budget.used_bytes == budget.total_bytes
        end_large()
        end_small()
    assert budget.used_bytes == 0


def test_a_film_that_needs_more_than_there_is_goes_alone() -> None:
    budget = budget_of()
    with ThreadPoolExecutor(2) as threads:
        huge, end_huge, _ = reading(budget, 100 * ROOM, threads)
        huge.wait()
        small, end_small, _ = reading(budget, 1, threads)
        until(lambda: len(budget._line) == 1)
        assert not small.is_set()
        end_huge()
        small.wait()
        end_small()
    assert budget.used_bytes == 0


def test_whoever_waited_too_long_is_told_so_and_holds_nothing() -> None:
    budget = budget_of(patience=0.01)
    with budget.share() as reserve:
        reserve(ROOM)
        with pytest.raises(BusyError), budget.share() as other:
            other(1)
    with budget.share() as reserve:
        reserve(ROOM)
    assert (budget.used_bytes, len(budget._line)) == (0, 0)


def test_room_is_asked_for_before_the_pixels_and_only_for_a_film_that_is_read() -> None:
    asked: list[int] = []

    def full(pixels: int) -> None:
        asked.append(pixels)
        raise BusyError

    with pytest.raises(BusyError):
        decode(make_film(phantom(96, 80)), Limits(), accepts=ANY, reserve=full)
    for body, limits, accepts in (
        (make_film(), Limits(pixels=1024), ANY),
        (make_film(Modality="MR"), Limits(), Accepts(modality=("DX",))),
    ):
        with pytest.raises((TooLargeError, OutOfScopeError)):
            decode(body, limits, accepts=accepts, reserve=full)
    assert asked == [96 * 80]
