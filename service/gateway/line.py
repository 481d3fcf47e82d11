"""Line: first come, first served, but urgent ones go before the others; and not so many of them in a row that the others never come."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

IN_A_ROW = 8
"""Urgent ones, after which one of the others goes while any waits."""


class Line(Generic[T]):
    """Whoever uses it from several threads holds a lock meanwhile.

    >>> line = Line[str]()
    >>> for name, urgent in (("first", False), ("second", False), ("stat", True)):
    ...     line.append(name, urgent=urgent)
    >>> [line.popleft() for _ in range(len(line))]
    ['stat', 'first', 'second']
    """

    __slots__ = ("_others", "_row", "_urgent")

    def __init__(self) -> None:
        self._urgent: deque[T] = deque()
        self._others: deque[T] = deque()
        self._row = 0

    def __len__(self) -> int:
        return len(self._urgent) + len(self._others)

    def append(self, one: T, *, urgent: bool) -> None:
        """Stand behind all of the same kind."""
        (self._urgent if urgent else self._others).append(one)

    def popleft(self) -> T:
        """Who is next.

        Raises:
            IndexError: Nobody waits.
        """
        if self._urgent and (self._row < IN_A_ROW or not self._others):
            self._row = self._row + 1 if self._others else 0
            return self._urgent.popleft()
        self._row = 0
        return self._others.popleft()
