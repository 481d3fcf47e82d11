"""Compressed request bodies, inflated as they arrive and counted as what they become."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from service.errors import InvalidRequestError, UnsupportedSyntaxError
from service.gateway.admit import Seat

ENCODINGS = frozenset({"gzip", "deflate"})
STEP = 1 << 18
"""Bytes that come out at once: a bomb is counted long before it fills memory."""
BROKEN = "The body cannot be inflated, or ends too early."


async def inflated(chunks: AsyncIterator[bytes], encoding: str, seat: Seat) -> AsyncIterator[bytes]:
    """The chunks of a body as they were before Content-Encoding.

    Raises:
        UnsupportedSyntaxError: It is encoded in another way than gzip or deflate.
        InvalidRequestError: It is not what its encoding says.
        TooLargeError, BusyError: See `Seat.take`; inflated bytes count too.
    """
    if encoding not in ENCODINGS:
        raise UnsupportedSyntaxError("Content-Encoding is gzip or deflate, or absent.")
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: either of the two formats
    try:
        async for chunk in chunks:
            async for piece in pieces(inflater, chunk):
                seat.take(len(piece))
                yield piece
    except zlib.error:
        raise InvalidRequestError(BROKEN) from None
    if not inflater.eof or inflater.unused_data:
        raise InvalidRequestError(BROKEN)


async def pieces(inflater: zlib._Decompress, chunk: bytes) -> AsyncIterator[bytes]:
    """What a chunk becomes, a step at a time; others have their turn between two."""
    while piece := inflater.decompress(chunk, STEP):
        yield piece
        chunk = inflater.unconsumed_tail
        if len(piece) == STEP:
            await asyncio.sleep(0)
