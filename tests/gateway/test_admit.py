"""Back-pressure instead of memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

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
