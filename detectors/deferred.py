"""Deferred: what is stored with a reference and seldom asked for is read when it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeVar, overload

from detectors.schema import Schema
from detectors.tally import Tally

Item = TypeVar("Item")


class DeferredSequence(Sequence[Item]):
    """A tuple that is made when it is first looked at.

    >>> counted = DeferredSequence(lambda: (1, 2))
    >>> counted == (1, 2), len(counted), counted[1]
    (True, 2, 2)
    """

    def __init__(self, make: Callable[[], tuple[Item, ...]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> tuple[Item, ...]:
        return self._make()

    def __len__(self) -> int:
        return len(self._made)

    @overload
    def __getitem__(self, place: int) -> Item: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Item, ...]: ...

    def __getitem__(self, place: int | slice) -> Item | tuple[Item, ...]:
        return self._made[place]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._made)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (tuple, DeferredSequence)) and self._made == tuple(other)

    def __hash__(self) -> int:
        return hash(self._made)


class DeferredTallies(Mapping[str, Tally]):
    """Cell -> tally, each decoded when it is first looked at."""

    def __init__(self, schema: Schema, encoded: Mapping[str, bytes]) -> None:
        self._schema, self._encoded = schema, encoded
        self._decoded: dict[str, Tally] = {}

    def __getitem__(self, cell: str) -> Tally:
        found = self._decoded.get(cell)
        if found is None:
            found = self._decoded[cell] = Tally.decode(self._schema, self._encoded[cell])
        return found

    def __contains__(self, cell: object) -> bool:
        return cell in self._encoded

    def __iter__(self) -> Iterator[str]:
        return iter(self._encoded)

    def __len__(self) -> int:
        return len(self._encoded)
