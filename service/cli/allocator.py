"""How the C library keeps memory that was freed: films are large and of all sizes, and what it keeps back for one rarely fits the next."""

from __future__ import annotations

import ctypes
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE_BYTES = 4 << 20
"""Blocks of this size and more go back to the system when they are freed. glibc would raise its own limit with the first large film."""
KEPT_BYTES = 16 << 20
ARENAS = 2
"""Each thread that allocates would get a heap of its own, with its own holes."""


def return_freed_memory() -> None:
    """Let glibc give freed memory back soon; other C libraries do as they like."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((M_ARENA_MAX, ARENAS), (M_MMAP_THRESHOLD, LARGE_BYTES), (M_TRIM_THRESHOLD, KEPT_BYTES)):
            mallopt(option, value)
