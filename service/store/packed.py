"""Packed: a column of values as the array that Postgres reads, put together here because the driver would look at each value by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, Final

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper, PyFormat
from psycopg.postgres import types
from psycopg.pq import Format

from service.store import documents

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
HEAD: Final = Struct("!iiIii").pack  # dimensions, whether there are nulls, type of an element, length, first index
EMPTY: Final = Struct("!iiI").pack
LENGTH: Final = Struct("!i").pack
NULL: Final = LENGTH(-1)
DAY, MOMENT = Struct("!ii").pack, Struct("!iq").pack


class _Lengths(dict[int, bytes]):
    """A length as bytes; those that are frequent are at hand."""

    def __missing__(self, length: int) -> bytes:
        return LENGTH(length)


Column = Callable[[Iterable[Any]], list[bytes]]
LENGTHS: Final = _Lengths({length: LENGTH(length) for length in range(4096)})


def texts(encode: Callable[[Any], bytes]) -> Column:
    """What writes a column of values of any length."""
    return lambda values: [NULL if value is None else LENGTHS[len(text := encode(value))] + text for value in values]


def numbers(layout: str) -> Column:
    """What writes a column of numbers of this layout."""
    pack, length = Struct("!i" + layout).pack, Struct("!" + layout).size
    return lambda values: [NULL if value is None else pack(length, value) for value in values]


ENCODERS: Final[Mapping[str, Column]] = {
    "bytea": lambda values: [NULL if value is None else LENGTHS[len(value)] + value for value in values],
    "date": lambda values: [NULL if value is None else DAY(4, (value - EPOCH.date()).days) for value in values],
    "float4": numbers("f"),
    "int4": numbers("i"),
    "int8": numbers("q"),
    "jsonb": texts(lambda value: b"\x01" + documents.encode(value.obj)),
    "text": texts(str.encode),
    "timestamptz": lambda values: [NULL if value is None else MOMENT(8, (value - EPOCH) // MICROSECOND) for value in values],
    "uuid": lambda values: [NULL if value is None else b"\0\0\0\x10" + value.bytes for value in values],
}
"""Values in the binary format, the length of each before it."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An array in the binary format. oid: its type."""

    oid: int
    data: bytes


def packed(kind: str, values: Iterable[Any]) -> Packed:
    """Values of one of the types above, those of jsonb in psycopg's Jsonb; None is null.

    >>> packed("int4", [1, None]).data.hex(" ", 4)
    '00000001 00000001 00000017 00000002 00000001 00000004 00000001 ffffffff'
    """
    element, encode = types[kind], ENCODERS[kind]
    encoded = encode(values)
    if not encoded:
        return Packed(element.array_oid, EMPTY(0, 0, element.oid))
    return Packed(element.array_oid, HEAD(1, NULL in encoded, element.oid, len(encoded), 1) + b"".join(encoded))


class PackedDumper(Dumper):
    """Hands the bytes over, under the type that they say."""

    format = Format.BINARY

    def __init__(self, cls: type, context: AdaptContext | None = None, oid: int = 0) -> None:
        super().__init__(cls, context)
        self.oid = oid

    def get_key(self, obj: Packed, format: PyFormat) -> tuple[type, int]:  # type: ignore[override]  # noqa: A002, ARG002 - psycopg's signature
        return (Packed, obj.oid)

    def upgrade(self, obj: Packed, format: PyFormat) -> PackedDumper:  # noqa: A002, ARG002 - psycopg's signature
        return PackedDumper(Packed, oid=obj.oid)

    def dump(self, obj: Packed) -> bytes:
        return obj.data
