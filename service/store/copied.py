"""Copied: predictions as the rows that binary COPY reads, put together column by column because the driver would look at each value by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from struct import Struct
from typing import Final

from psycopg.postgres import types

from service.domain import Prediction
from service.store.columns import COLUMNS, TYPES, fields
from service.store.packed import EMPTY, ENCODERS, Column, packed, texts

COPY: Final = f"copy predictions ({COLUMNS}) from stdin (format binary)"
START: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END: Final = b"\xff\xff"
WIDTH: Final = Struct("!h").pack(len(TYPES))
BLOCK: Final = 64
"""Rows that travel together: the server writes them while the next are put together."""


def lines_of(predictions: Sequence[Prediction]) -> Iterator[bytes]:
    """What goes between START and END, a block of rows at a time."""
    for start in range(0, len(predictions), BLOCK):
        columns = zip(*map(fields, predictions[start : start + BLOCK]), strict=True)
        encoded = [WRITERS[kind](values) for kind, values in zip(TYPES.values(), columns, strict=True)]
        yield WIDTH + WIDTH.join(map(b"".join, zip(*encoded, strict=True)))


def _reals(values: Sequence[float]) -> bytes:
    if not values:
        return NO_REALS
    spaced: list[float] = [4] * (2 * len(values))  # each has its length before it
    spaced[1::2] = values
    return _layout(len(values)).pack(1, 0, REAL, len(values), 1, *spaced)


def _words(values: Sequence[str]) -> bytes:
    return packed("text", values).data if values else NO_WORDS


@lru_cache(maxsize=64)
def _layout(values: int) -> Struct:
    return Struct("!iiIii" + "if" * values)


REAL, WORD = types["float4"].oid, types["text"].oid
NO_REALS, NO_WORDS = EMPTY(0, 0, REAL), EMPTY(0, 0, WORD)
WRITERS: Final[Mapping[str, Column]] = {**ENCODERS, "float4[]": texts(_reals), "text[]": texts(_words)}
