"""Budget: how much memory the pixels of all films together may take while they are unpacked, looked at and resized.

What a film needs is known from its header, before anything is allocated for it. Whoever finds no room waits, first come first served, so that
small films do not keep a large one waiting for ever; and not longer than PATIENCE_S. A film that needs more than all there is goes alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Condition
from typing import Final

from service.errors import BusyError

BYTES_A_PIXEL: Final = 3
"""Decompressed to 8 bits and put in order as 16; those of 16 bits stay where they are, and all else is done strip by strip."""
PATIENCE_S: Final = 10.0

Aside = Callable[[], AbstractContextManager[None]]
Reserve = Callable[[int], None]
"""Called with a number of pixels before there is memory for them; waits for room, or raises BusyError."""


class PixelBudget:
    """Shared by all threads that decode."""

    def __init__(self, total_bytes: int, patience: float = PATIENCE_S, aside: Aside = nullcontext) -> None:
        """Room for so many bytes.

        Args:
            total_bytes: All together.
            patience: How long a film waits, in seconds.
            aside: Entered while a film waits.
        """
        self.total_bytes = total_bytes
        self.used_bytes = 0
        self._patience = patience
        self._aside = aside
        self._changed = Condition()
        self._line: deque[object] = deque()

    @contextmanager
    def share(self) -> Iterator[Reserve]:
        """Room for one film, held until the block ends."""
        held = 0

        def reserve(pixels: int) -> None:
            nonlocal held
            held += self._take(BYTES_A_PIXEL * pixels)

        try:
            yield reserve
        finally:
            with self._changed:
                self.used_bytes -= held
                self._changed.notify_all()

    def _take(self, wanted: int) -> int:
        share, ticket = min(wanted, self.total_bytes), object()
        with self._changed:
            if not self._line and self.used_bytes + share <= self.total_bytes:
                self.used_bytes += share
                return share
        with self._aside(), self._changed:
            self._line.append(ticket)
            try:
                if not self._changed.wait_for(
                    lambda: self._line[0] is ticket and self.used_bytes + share <= self.total_bytes, self._patience
                ):
                    raise BusyError
                self.used_bytes += share
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()
        return share


def unbounded(pixels: int) -> None:
    """For a process that reads one film."""
