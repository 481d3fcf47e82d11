"""How the C library keeps memory that was freed: films are large and of all sizes, and what it keeps back for one rarely fits the next."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE_BYTES = 4 << 20
"""Blocks of this size and more go back to the system when they are freed. glibc would raise its own limit with the first large film."""
KEPT_BYTES = 16 << 20
ARENAS = 2
"""Each thread that allocates would get a heap of its own, with its own holes."""
ROUND_S = 2.0
ENOUGH_BYTES = 4 << 20
"""Bodies that came since the last time; after fewer there are no holes worth the search."""


def return_freed_memory() -> None:
    """Let glibc give freed memory back soon; other C libraries do as they like."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((M_ARENA_MAX, ARENAS), (M_MMAP_THRESHOLD, LARGE_BYTES), (M_TRIM_THRESHOLD, KEPT_BYTES)):
            mallopt(option, value)


async def fill_holes(bytes_ever: Callable[[], int]) -> None:
    """Now and then, when films came, give back what is free in between: glibc by itself gives back what is free at the end of a heap.

    Args:
        bytes_ever: Bytes of all bodies that ever came.
    """
    seen = bytes_ever()
    while True:
        await asyncio.sleep(ROUND_S)
        if bytes_ever() >= seen + ENOUGH_BYTES:
            seen = bytes_ever()
            await asyncio.to_thread(trim)


def trim() -> None:
    """Give free pages back to the system; it takes a millisecond or two, and the interpreter is free meanwhile."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
