"""Admit: how much may be in work at once, and how many bytes one request, and all together, may bring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from time import monotonic
from types import TracebackType
from typing import Self

from service.errors import BusyError, StalledError, TooLargeError
from service.gateway.ends import Ends
from service.gateway.hourglass import Hourglass

BODIES_AT_ONCE = 4
"""Bodies of the largest accepted size that may lie in memory together, whatever their callers declare."""
KEPT_SHARE = 8
"""One place in so many is for urgent requests alone."""
PATIENCE_S = 10.0
"""How long a body waits unread for room."""
STALL_S = 20.0


class Admission:
    """Counts requests and bytes in work. Beyond its limits the answer is BusyError: back-pressure instead of memory.

    Where the bodies in memory fill their room, those that are still arriving are not read on, so that their senders wait; a body that
    is larger than the room goes on when no other is being worked on. Urgent requests have places of their own and do not wait for room.
    """

    def __init__(
        self,
        *,
        waiting: int,
        body_bytes: int,
        room_bytes: int | None = None,
        beside: Callable[[], int] = int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Nobody is in work.

        Args:
            waiting: Requests in work at once.
            body_bytes: Largest body.
            room_bytes: Bodies in memory from which on no more is read; without it they may be as many as there can be.
            beside: What else lies in the same room, in bytes.
            clock: Seconds.
        """
        self.waiting = waiting
        self.body_bytes = body_bytes
        self.total_bytes = BODIES_AT_ONCE * body_bytes
        self.room_bytes = self.total_bytes if room_bytes is None else room_bytes
        self._beside = beside
        self.kept = waiting // KEPT_SHARE
        self.seats = 0
        self.bytes_in_work = 0
        self.bytes_ever = 0
        self._arriving: dict[Seat, None] = {}
        self._whole = 0
        self._paused: list[asyncio.Future[None]] = []
        self._ends = Ends(clock)
        self.stalls = Hourglass(STALL_S, Patience.lose)

    def seat(self, largest: int | None = None, *, urgent: bool = False) -> Seat:
        """A place for one request, taken by `with`; free again, with its bytes, when the request ends.

        Args:
            largest: Most bytes that it may bring; without it, the size of one body.
            urgent: It may have a place that is kept for such.
        """
        return Seat(self, self.body_bytes if largest is None else largest, urgent=urgent)

    def enter(self, seat: Seat) -> None:
        """Take a place.

        Raises:
            BusyError: All places are taken.
        """
        if self.seats >= self.waiting - (0 if seat.urgent else self.kept):
            raise self.busy()
        self.seats += 1

    def leave(self, seat: Seat) -> None:
        """Give back the place and the room."""
        self._ends.note(others=self.seats > 1)
        self.seats -= 1
        self._whole -= seat.is_whole
        self.bytes_in_work -= seat.bytes_held
        self.left(seat)

    def busy(self) -> BusyError:
        """The error that says when to come again: once all that is in work now will have been answered."""
        return BusyError(retry_after_s=self._ends.seconds_of(self.seats))

    def is_crowded(self) -> bool:
        """Whether the room is full."""
        return self.bytes_in_work + self._beside() > self.room_bytes

    def has_room_for(self, seat: Seat) -> bool:
        """Whether more of its body may be read now."""
        if not self.is_crowded() or seat.urgent:
            return True
        return not self._whole and next(iter(self._arriving)) is seat  # nothing else would make room

    def arrived(self, seat: Seat) -> None:
        """Its body is whole, and makes room once it is answered."""
        if seat.bytes_held and not seat.is_whole:
            seat.is_whole = True
            self._whole += 1
        self.left(seat)

    def left(self, seat: Seat) -> None:
        """It is no longer arriving."""
        self._arriving.pop(seat, None)
        self.look_again()

    def look_again(self) -> None:
        """There may be room now for those that are paused."""
        if self._paused:
            paused, self._paused = self._paused, []
            for future in paused:
                if not future.done():
                    future.set_result(None)

    async def room_for(self, seat: Seat) -> None:
        """Wait until more of its body may be read.

        Raises:
            BusyError: That takes too long.
        """
        loop = asyncio.get_running_loop()
        self._arriving.setdefault(seat)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not self.has_room_for(seat):
                    future: asyncio.Future[None] = loop.create_future()
                    self._paused.append(future)
                    await future
        except TimeoutError:
            raise self.busy() from None


class Seat:
    """One request's byte budget, counted while its body arrives: a chunked body has no length that could be believed."""

    __slots__ = ("_admission", "_declared", "_largest", "bytes_held", "bytes_read", "is_whole", "urgent")

    def __init__(self, admission: Admission, largest: int, *, urgent: bool = False) -> None:
        self._admission = admission
        self._largest = largest
        self._declared = 0
        self.urgent = urgent
        self.is_whole = False
        self.bytes_read = 0
        self.bytes_held = 0

    def __enter__(self) -> Self:
        """Take the place.

        Raises:
            BusyError: All places are taken.
        """
        self._admission.enter(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._admission.leave(self)

    def declare(self, length: int) -> None:
        """Refuse at once a body that says it is too large.

        Raises:
            TooLargeError: The declared length is over the limit of one body.
        """
        if length > self._largest:
            raise TooLargeError
        self._declared = length

    def take(self, count: int) -> None:
        """Count bytes that came.

        Raises:
            TooLargeError: This body is over the limit.
            BusyError: All bodies together are over theirs.
        """
        admission = self._admission
        self.bytes_read += count
        self.bytes_held += count
        admission.bytes_in_work += count
        admission.bytes_ever += count
        if self.bytes_read > self._largest:
            raise TooLargeError
        if admission.bytes_in_work > admission.total_bytes:
            raise admission.busy()

    def arrived(self) -> None:
        """The body is whole."""
        self._admission.arrived(self)

    async def wait(self) -> None:
        """Wait until more of the body may be read.

        Raises:
            BusyError: There is no room for it now.
        """
        await self._admission.room_for(self)

    def put_down(self, count: int) -> None:
        """Bytes that were read lie on disk now, and in memory no more."""
        self.bytes_held -= count
        self._admission.bytes_in_work -= count
        self._admission.look_again()

    async def read(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks of a body, each counted.

        Raises:
            TooLargeError, BusyError: See `take`.
            StalledError: See `flowing`.
        """
        async for chunk in flowing(chunks):
            self.take(len(chunk))
            yield chunk

    async def read_whole(self, chunks: AsyncIterator[bytes], most: int | None = None) -> bytes:
        """The body in one piece, of at most so many bytes; its patience begins anew with each chunk.

        Raises:
            TooLargeError, BusyError, StalledError: As for `read`.
        """
        body, grown = b"", BytesIO()
        with Patience(self._admission.stalls) as patience:
            async for chunk in chunks:
                if not chunk:  # the server says so where the body ends
                    continue
                self.take(len(chunk))
                if most is not None and self.bytes_read > most:
                    raise TooLargeError
                if body and not grown.tell():
                    grown.write(body)
                if body:
                    grown.write(chunk)  # memory grows in place: pieces that are joined at the end take it twice
                else:  # mostly it is all there is
                    body = chunk
                if self.bytes_read != self._declared:  # more is to come
                    if self._admission.is_crowded():
                        await self.wait()
                    patience.renew()
        self.arrived()
        return grown.getvalue() if grown.tell() else body


class Patience:
    """asyncio.timeout for what is on every request's way, where it would cost as much as the rest of reading."""

    __slots__ = ("_cancelling", "_lost", "_stalls", "_task")

    def __init__(self, stalls: Hourglass[Patience]) -> None:
        self._stalls, self._lost = stalls, False
        self._task = asyncio.current_task()
        self._cancelling = self._task.cancelling() if self._task is not None else 0

    def __enter__(self) -> Self:
        self._stalls.start(self)
        return self

    def renew(self) -> None:
        """Something came: wait as long for what comes next."""
        self._stalls.start(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stalls.stop(self)
        if self._lost and self._task is not None and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise StalledError from None

    def lose(self) -> None:
        """It lasted too long."""
        if self._task is not None:
            self._lost = True
            self._task.cancel()


async def flowing(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks of a body for as long as they come.

    Raises:
        StalledError: Nothing came for a long time.
    """
    while True:
        try:
            async with asyncio.timeout(STALL_S):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise StalledError from None
        yield chunk
