"""Line: films that wait for work nobody waits for. It is bounded, and what does not fit is shed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """One film. kind: `tensor` (float32 [1, rows, columns]) or `dicom`; content: its bytes, or the array that has them."""

    prediction: UUID
    kind: str
    content: bytes | NDArray[np.float32]

    @property
    def view(self) -> memoryview:
        """The bytes, not copied."""
        content = self.content if isinstance(self.content, bytes) else np.ascontiguousarray(self.content).data
        return memoryview(content).cast("B")


class Line:
    """First come, first served; put by the event loop, taken by one thread."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._films: deque[Waiting] = deque()
        self._bytes = 0
        self._door = Lock()

    def __len__(self) -> int:
        return len(self._films)

    def put(self, film: Waiting) -> bool:
        """False where there is no room: the film is shed."""
        size = film.view.nbytes
        with self._door:
            if len(self._films) >= self._most or self._bytes + size > self._most_bytes:
                return False
            self._films.append(film)
            self._bytes += size
        return True

    def take(self, most: int) -> list[Waiting]:
        """Up to so many of those that wait."""
        with self._door:
            films = [self._films.popleft() for _ in range(min(most, len(self._films)))]
            self._bytes -= sum(film.view.nbytes for film in films)
        return films
