"""Few films are worked on at once, none waits behind one that waits for something outside, and each outcome reaches who asked for it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from functools import partial
from threading import Barrier, Event
from weakref import ReferenceType, ref

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


def test_films_that_take_long_hold_up_neither_those_behind_them_nor_what_was_finished_before_them() -> None:
    others_answered = Event()

    async def ask() -> list[object]:
        before, *slow = (asyncio.ensure_future(decoders.run(work)) for work in (lambda: "before", *[lambda: others_answered.wait(60)] * 2))
        await asyncio.sleep(0)
        late = [asyncio.ensure_future(decoders.run(lambda: "behind")) for _ in range(FILMS)]
        first = await asyncio.gather(before, *late)
        later = await decoders.run(lambda: "later")
        others_answered.set()
        return [*first, later, *await asyncio.gather(*slow)]

    with Decoders(threads=3, at_once=1) as decoders:
        assert asyncio.run(ask()) == ["before", *["behind"] * FILMS, "later", True, True]


def test_a_film_that_comes_while_a_slow_one_is_in_work_passes_it() -> None:
    at_work, answered = Event(), Event()

    def be_slow() -> bool:
        at_work.set()
        return answered.wait(60)

    async def ask() -> bool:
        slow = asyncio.ensure_future(decoders.run(be_slow))
        await asyncio.to_thread(at_work.wait, 60)
        assert await decoders.run(lambda: "quick") == "quick"
        answered.set()
        return await slow

    with Decoders(threads=2, at_once=1) as decoders:
        assert asyncio.run(ask())


def test_places_that_were_lent_come_back() -> None:
    with Decoders(threads=4, at_once=1) as decoders:
        for _ in range(3):
            together = Barrier(3, timeout=60)
            all_of(decoders, *(lambda together=together: together.wait() for _ in range(3)))
        working, most = [0], [0]

        def count_places() -> None:
            working[0] += 1
            most[0] = max(most[0], working[0])
            working[0] -= 1

        all_of(decoders, *(count_places for _ in range(200)))
    assert most == [1]


def test_a_film_that_is_refused_is_forgotten_at_once() -> None:
    class Film:
        """Something large."""

    def refuse(film: Film) -> None:
        raise NoPixelsError(str(film))

    async def ask() -> ReferenceType[Film]:
        film = Film()
        gone = ref(film)
        with pytest.raises(NoPixelsError):
            await decoders.run(partial(refuse, film))
        return gone

    gc.collect()
    gc.disable()
    try:
        with Decoders(threads=1, at_once=1) as decoders:
            assert asyncio.run(ask())() is None
    finally:
        gc.enable()
