"""Few films are worked on at once, none waits behind one that waits for something outside, and each outcome reaches who asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event

import pytest

from service.errors import NoPixelsError, UnavailableError
from service.gateway.decoders import TOGETHER, Decoders

FILMS = 3 * TOGETHER + 1


def all_of(decoders: Decoders, *works: Callable[[], object]) -> list[object]:
    async def ask() -> list[object]:
        return list(await asyncio.gather(*map(decoders.run, works), return_exceptions=True))

    return asyncio.run(ask())


def test_each_film_gets_its_own_outcome() -> None:
    with Decoders(threads=3, at_once=2) as decoders:
        assert all_of(decoders, *(lambda film=film: film for film in range(FILMS))) == list(range(FILMS))


def test_the_error_of_one_film_is_its_own() -> None:
    def refuse() -> None:
        raise NoPixelsError

    with Decoders(threads=1, at_once=1) as decoders:
        first, refused, last = all_of(decoders, lambda: 1, refuse, lambda: 3)
    assert (first, type(refused), last) == (1, NoPixelsError, 3)


def test_a_film_that_waits_outside_holds_up_nobody_and_nothing_that_is_finished() -> None:
    answered = Event()

    def wait_outside() -> bool:
        with decoders.aside():
            return answered.wait(60)

    async def ask() -> bool:
        finished, waiting = decoders.run(lambda: "finished"), decoders.run(wait_outside)
        quick = [asyncio.ensure_future(one) for one in (finished, waiting, *(decoders.run(lambda: "next") for _ in range(FILMS)))]
        assert await quick[0] == "finished"
        assert await asyncio.gather(*quick[2:]) == ["next"] * FILMS
        answered.set()
        return bool(await quick[1])

    with Decoders(threads=2, at_once=1) as decoders:
        assert asyncio.run(ask())


def test_whoever_comes_back_to_a_film_finds_a_place_while_others_wait() -> None:
    def go_out_and_back(film: int) -> int:
        with decoders.aside():
            pass
        return film

    with Decoders(threads=4, at_once=1) as decoders:
        works = [lambda film=film: go_out_and_back(film) for film in range(40)]
        assert all_of(decoders, *works) == list(range(40))


def test_what_waits_is_done_before_the_end_and_nothing_after_it() -> None:
    with Decoders(threads=2, at_once=1) as decoders:
        assert all_of(decoders, lambda: 1) == [1]
    with pytest.raises(UnavailableError):
        asyncio.run(decoders.run(lambda: 2))


def test_a_thread_that_is_none_of_ours_steps_aside_without_a_place() -> None:
    with Decoders(threads=1, at_once=1) as decoders, decoders.aside():
        assert all_of(decoders, lambda: 1) == [1]
