"""Bytes that no modality would send."""

from __future__ import annotations

import struct
import zlib

from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from tests.films import make_film

UNDEFINED = 0xFFFFFFFF


def element(tag: int, vr: bytes, value: bytes, *, length: int | None = None) -> bytes:
    """An explicit little endian element whose declared length may lie."""
    declared = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return head + b"\0\0" + struct.pack("<I", declared) + value
    return head + struct.pack("<H", declared) + value


def item(value: bytes, *, length: int | None = None) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value) if length is None else length) + value


def part10(dataset: bytes, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A data set behind preamble and meta information."""
    name = syntax.encode()
    return b"\0" * 128 + b"DICM" + element(0x00020010, b"UI", name + b"\0" * (len(name) % 2)) + dataset


def film_of(
    *,
    rows: int = 8,
    columns: int = 8,
    frames: int = 1,
    samples: int = 1,
    bits: int = 16,
    pixels: bytes,
    syntax: str = ExplicitVRLittleEndian,
    extra: bytes = b"",
    photometric: bytes = b"MONOCHROME2 ",
    stored: int | None = None,
    high: int | None = None,
    signed: int = 0,
) -> bytes:
    """The least that makes a film, `extra` elements, and its pixel data element as given."""
    stored = bits if stored is None else stored
    head = b"".join(
        (
            element(0x00280002, b"US", struct.pack("<H", samples)),
            element(0x00280004, b"CS", photometric),
            element(0x00280008, b"IS", f"{frames:<6}".encode()),
            element(0x00280010, b"US", struct.pack("<H", rows)),
            element(0x00280011, b"US", struct.pack("<H", columns)),
            element(0x00280100, b"US", struct.pack("<H", bits)),
            element(0x00280101, b"US", struct.pack("<H", stored)),
            element(0x00280102, b"US", struct.pack("<H", stored - 1 if high is None else high)),
            element(0x00280103, b"US", struct.pack("<H", signed)),
        )
    )
    return part10(element(0x00080060, b"CS", b"DX") + head + extra + pixels, syntax)


def native(value: bytes, *, length: int | None = None) -> bytes:
    return element(0x7FE00010, b"OW", value, length=length)


def encapsulated(*fragments: bytes, table: bytes = b"") -> bytes:
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return element(0x7FE00010, b"OB", item(table) + b"".join(map(item, fragments)) + end, length=UNDEFINED)


def deflate_bomb(inflated: int) -> bytes:
    """A deflated film that inflates to this many zeros."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    step = b"\0" * (1 << 20)
    body = compressor.compress(element(0x00080060, b"CS", b"DX"))
    body += b"".join(compressor.compress(step) for _ in range(inflated >> 20))
    return part10(body + compressor.flush(), "1.2.840.10008.1.2.1.99")


def rle_bomb(rows: int, columns: int, runs: int) -> bytes:
    """An RLE frame whose segments run on long after the last pixel."""
    segment = b"\x81\x00" * runs
    header = struct.pack("<16I", 2, 64, 64 + len(segment), *[0] * 13)
    return film_of(rows=rows, columns=columns, pixels=encapsulated(header + segment + segment), syntax=RLELossless)


def nested_sequences(depth: int) -> bytes:
    """A film with sequences of undefined length inside each other."""
    opened = element(0x00081140, b"SQ", b"", length=UNDEFINED) + struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
    closed = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    film = make_film()
    start = 144 + int.from_bytes(film[140:144], "little")
    return film[:start] + opened * depth + closed * depth + film[start:]
