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
LONG: Final = Struct("!q").pack
NULL: Final = LENGTH(-1)

ENCODERS: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "bytea": bytes,
    "date": lambda value: LENGTH((value - EPOCH.date()).days),
    "float4": Struct("!f").pack,
    "int4": LENGTH,
    "int8": LONG,
    "jsonb": lambda value: b"\x01" + documents.encode(value.obj),
    "text": str.encode,
    "timestamptz": lambda value: LONG((value - EPOCH) // MICROSECOND),
    "uuid": lambda value: value.bytes,
}


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
    encoded = [None if value is None else encode(value) for value in values]
    if not encoded:
        return Packed(element.array_oid, EMPTY(0, 0, element.oid))
    body = b"".join([NULL if value is None else LENGTH(len(value)) + value for value in encoded])
    return Packed(element.array_oid, HEAD(1, None in encoded, element.oid, len(encoded), 1) + body)


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
