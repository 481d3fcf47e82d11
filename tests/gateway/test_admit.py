"""Back-pressure instead of memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack

import pytest

from service.errors import BusyError, StalledError, TooLargeError
from service.gateway import admit
from service.gateway.admit import Admission, Seat

Way = Callable[[Seat, AsyncIterator[bytes]], Coroutine[None, None, bytes]]


async def arriving(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def in_pieces(seat: Seat, chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in seat.read(chunks)])


async def in_one(seat: Seat, chunks: AsyncIterator[bytes]) -> bytes:
    return await seat.read_whole(chunks)


either_way = pytest.mark.parametrize("way", [in_pieces, in_one])


@either_way
def test_a_body_within_its_budget_is_read_whole(way: Way) -> None:
    with Admission(waiting=1, body_bytes=6).seat() as seat:
        assert asyncio.run(way(seat, arriving(b"abc", b"def"))) == b"abcdef"
        assert seat.bytes_read == 6


@either_way
def test_a_body_is_refused_at_the_byte_that_is_too_many_whatever_it_declared(way: Way) -> None:
    with Admission(waiting=1, body_bytes=5).seat() as seat, pytest.raises(TooLargeError):
        asyncio.run(way(seat, arriving(b"abc", b"def", b"never read")))
    assert seat.bytes_read == 6


def test_a_body_that_says_it_is_too_large_is_refused_before_a_byte_is_read() -> None:
    with Admission(waiting=1, body_bytes=5).seat() as seat:
        seat.declare(5)
        with pytest.raises(TooLargeError):
            seat.declare(6)
    assert seat.bytes_read == 0


def test_one_request_more_than_there_are_seats_is_told_to_come_back() -> None:
    admission = Admission(waiting=1, body_bytes=5)
    with admission.seat(), pytest.raises(BusyError), admission.seat():
        pass
    with admission.seat():
        assert admission.seats == 1


def test_many_bodies_together_have_a_budget_too_and_give_it_back() -> None:
    admission = Admission(waiting=100, body_bytes=10)
    seats = [admission.seat() for _ in range(5)]
    taken = [seat.__enter__() for seat in seats]
    for seat in taken[:4]:
        seat.take(10)
    with pytest.raises(BusyError):
        taken[4].take(1)
    for context in seats:
        context.__exit__(None, None, None)
    assert (admission.seats, admission.bytes_in_work) == (0, 0)


def test_a_body_read_in_one_has_a_limit_of_its_own() -> None:
    with Admission(waiting=1, body_bytes=9).seat() as seat, pytest.raises(TooLargeError):
        asyncio.run(seat.read_whole(arriving(b"abc", b"def", b"never read"), most=5))
    assert seat.bytes_read == 6


@either_way
def test_a_slow_body_is_read_for_as_long_as_it_comes(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admit, "STALL_S", 2.0)

    async def dribble() -> AsyncIterator[bytes]:
        for _ in range(6):
            await asyncio.sleep(0.4)
            yield b"a"

    with Admission(waiting=1, body_bytes=9).seat() as seat:
        assert asyncio.run(way(seat, dribble())) == b"aaaaaa"


@either_way
def test_a_body_that_stops_arriving_frees_its_seat(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admit, "STALL_S", 0.01)

    async def dribble() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    async def wait() -> None:
        with Admission(waiting=1, body_bytes=5).seat() as seat:
            await way(seat, dribble())

    with pytest.raises(StalledError):
        asyncio.run(wait())


def test_some_places_are_for_urgent_requests_alone() -> None:
    admission = Admission(waiting=8, body_bytes=5)
    with ExitStack() as seats:
        for _ in range(7):
            seats.enter_context(admission.seat())
        with pytest.raises(BusyError), admission.seat():
            pass
        seats.enter_context(admission.seat(urgent=True))
        with pytest.raises(BusyError), admission.seat(urgent=True):
            pass


def test_who_is_turned_away_is_told_when_all_that_waits_now_will_have_been_answered() -> None:
    now = [0.0]
    admission = Admission(waiting=5, body_bytes=5, clock=lambda: now[0])
    seats = deque(ExitStack() for _ in range(5))
    for seat in seats:
        seat.enter_context(admission.seat())
    for _ in range(20):  # every half a second one request ends, and another takes its place
        now[0] += 0.5
        seats[0].close()
        seats[0].enter_context(admission.seat())
        seats.rotate()
    with pytest.raises(BusyError) as turned_away, admission.seat():
        pass
    assert turned_away.value.retry_after_s == 3


def in_memory(admission: Admission, count: int, stack: ExitStack) -> Seat:
    """A body that is whole."""
    seat = stack.enter_context(admission.seat())
    seat.take(count)
    seat.arrived()
    return seat


def test_a_body_that_finds_the_room_full_is_not_read_on_before_another_is_answered() -> None:
    admission, read = Admission(waiting=9, body_bytes=100, room_bytes=10), list[bytes]()

    async def body() -> AsyncIterator[bytes]:
        for chunk in (b"a", b"b", b"c"):
            read.append(chunk)
            yield chunk

    async def ask() -> bytes:
        with ExitStack() as stack, admission.seat() as seat:
            in_memory(admission, 10, stack)
            reading = asyncio.create_task(seat.read_whole(body()))
            await asyncio.sleep(0.02)
            assert read == [b"a"]
            stack.close()
            return await reading

    assert asyncio.run(ask()) == b"abc"
    assert (admission.bytes_in_work, admission.seats) == (0, 0)


def test_what_lies_beside_the_bodies_takes_room_too_and_urgent_bodies_do_not_wait_for_it() -> None:
    admission = Admission(waiting=9, body_bytes=100, room_bytes=10, beside=lambda: 50)

    async def ask() -> None:
        with ExitStack() as stack, admission.seat(urgent=True) as urgent, admission.seat() as routine:
            in_memory(admission, 1, stack)
            assert await urgent.read_whole(arriving(b"abc", b"def")) == b"abcdef"
            reading = asyncio.create_task(routine.read_whole(arriving(b"abc", b"def")))
            await asyncio.sleep(0.02)
            assert not reading.done()
            reading.cancel()

    asyncio.run(ask())


def test_a_body_larger_than_the_room_goes_on_where_no_other_is_worked_on() -> None:
    admission = Admission(waiting=9, body_bytes=100, room_bytes=4)
    with admission.seat() as first, admission.seat() as second:

        async def both() -> list[bytes]:
            return list(await asyncio.gather(*(seat.read_whole(arriving(b"abcd", b"efgh", b"ij")) for seat in (first, second))))

        with pytest.raises(BusyError):  # the second waits for the first to be answered, which nobody does here
            asyncio.run(asyncio.wait_for(both(), 1))
        assert (first.is_whole, second.is_whole) == (True, False)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admit, "PATIENCE_S", 0.2)
