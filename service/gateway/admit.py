"""Admit: how much may be in work at once, and how many bytes one request, and all together, may bring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from types import TracebackType
from typing import Self

from service.errors import BusyError, StalledError, TooLargeError
from service.gateway.hourglass import Hourglass

BODIES_AT_ONCE = 4
"""Bodies of the largest accepted size that may lie in memory together."""

STALL_S = 20.0


class Admission:
    """Counts requests and bytes in work. Beyond its limits the answer is BusyError: back-pressure instead of memory."""

    def __init__(self, *, waiting: int, body_bytes: int) -> None:
        self.waiting = waiting
        self.body_bytes = body_bytes
        self.total_bytes = BODIES_AT_ONCE * body_bytes
        self.seats = 0
        self.bytes_in_work = 0
        self.stalls = Hourglass(STALL_S, Patience.lose)

    def seat(self, largest: int | None = None) -> Seat:
        """A place for one request, taken by `with`; free again, with its bytes, when the request ends.

        Args:
            largest: Most bytes that it may bring; without it, the size of one body.
        """
        return Seat(self, self.body_bytes if largest is None else largest)


class Seat:
    """One request's byte budget, counted while its body arrives: a chunked body has no length that could be believed."""

    __slots__ = ("_admission", "_declared", "_largest", "bytes_held", "bytes_read")

    def __init__(self, admission: Admission, largest: int) -> None:
        self._admission = admission
        self._largest = largest
        self._declared = 0
        self.bytes_read = 0
        self.bytes_held = 0

    def __enter__(self) -> Self:
        """Take the place.

        Raises:
            BusyError: All places are taken.
        """
        if self._admission.seats >= self._admission.waiting:
            raise BusyError
        self._admission.seats += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._admission.seats -= 1
        self._admission.bytes_in_work -= self.bytes_held

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
        if self.bytes_read > self._largest:
            raise TooLargeError
        if admission.bytes_in_work > admission.total_bytes:
            raise BusyError

    def put_down(self, count: int) -> None:
        """Bytes that were read lie on disk now, and in memory no more."""
        self.bytes_held -= count
        self._admission.bytes_in_work -= count

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
                    patience.renew()
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
