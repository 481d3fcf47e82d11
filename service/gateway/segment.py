"""Segment: records one after the other in a file, each with its length and checksum, so that whatever a crash leaves can be read.

A record is MAGIC, length, CRC-32 of length and payload, payload. A write that was torn by a kill or a power cut leaves a tail that is
no whole record; it was never acknowledged and is left out. A stretch that was damaged later is skipped up to the next whole record:
one flipped bit costs one record, not the rest of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from zlib import crc32

MAGIC = b"\xa7SW\x01"
HEAD = Struct(">4sII")
LENGTH = Struct(">I")
LARGEST = 1 << 24
"""Bytes of the largest payload: a length beyond it is damage, not a record."""


@dataclass(frozen=True, slots=True)
class Record:
    """One whole record and where its bytes lie: [begin, end)."""

    begin: int
    end: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Scan:
    """What a segment holds. damaged: bytes between records that are none; torn: bytes after the last record."""

    records: tuple[Record, ...]
    damaged: int
    torn: int


def framed(payload: bytes) -> bytes:
    """The bytes of one record.

    >>> scan(framed(b"one") + framed(b"two")[:-1])
    Scan(records=(Record(begin=0, end=15, payload=b'one'),), damaged=0, torn=14)

    Raises:
        ValueError: The payload is larger than a record may be.
    """
    if len(payload) > LARGEST:
        raise ValueError("the payload is larger than a record may be")
    return HEAD.pack(MAGIC, len(payload), checksum(payload)) + payload


def scan(data: bytes) -> Scan:
    """Every whole record, in order, whatever lies between them."""
    records = tuple(_records(data))
    end = records[-1].end if records else 0
    return Scan(records, damaged=end - sum(record.end - record.begin for record in records), torn=len(data) - end)


def checksum(payload: bytes) -> int:
    return crc32(payload, crc32(LENGTH.pack(len(payload))))


def _records(data: bytes) -> Iterator[Record]:
    begin = data.find(MAGIC)
    while begin >= 0:
        record = _record_at(data, begin)
        if record is not None:
            yield record
        begin = data.find(MAGIC, begin + 1 if record is None else record.end)


def _record_at(data: bytes, begin: int) -> Record | None:
    if begin + HEAD.size > len(data):
        return None
    _, length, stated = HEAD.unpack_from(data, begin)
    end = begin + HEAD.size + length
    if length > LARGEST or end > len(data):
        return None
    payload = data[begin + HEAD.size : end]
    return Record(begin, end, payload) if checksum(payload) == stated else None
