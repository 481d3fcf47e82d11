"""Bytes that carry their kind and version, and say so when they are foreign or damaged. No pickle."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**31
"""Bytes that an unpacked payload may have at most: damaged or hostile bytes must not fill the memory."""

Array = NDArray[Any]


class DecodeError(ValueError):
    """The bytes are not what they should be: another kind, another version, another schema, or damaged."""


def squeeze(payload: bytes, level: int = 6) -> bytes:
    """Compress, with a checksum in front that finds any damage. level: 1 is fast, 9 small."""
    packer = zlib.compressobj(level=level, wbits=-zlib.MAX_WBITS)
    squeezed = packer.compress(payload) + packer.flush()
    return zlib.crc32(squeezed).to_bytes(4, "little") + squeezed


def expand(squeezed: bytes) -> bytes:
    """Undo `squeeze`, or raise DecodeError."""
    if zlib.crc32(squeezed[4:]).to_bytes(4, "little") != squeezed[:4]:
        raise DecodeError("the bytes are damaged")
    expander = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        payload = expander.decompress(squeezed[4:], LARGEST)
    except zlib.error as error:
        raise DecodeError("the bytes are damaged") from error
    if not expander.eof or expander.unused_data:
        raise DecodeError("the bytes are cut off, or something follows them")
    return payload


def pack(kind: bytes, version: int, header: Mapping[str, Any], arrays: Mapping[str, Array], level: int = 6) -> bytes:
    """Four letters of kind, one byte of version, then compressed: a JSON header and the raw arrays (little-endian).

    >>> unpack(b"TEST", 1, pack(b"TEST", 1, {"day": 3}, {"k": np.arange(3)}))
    ({'day': 3}, {'k': array([0, 1, 2])})
    """
    return kind + bytes([version]) + squeeze(_write(header, arrays), level)


def unpack(kind: bytes, version: int, packed: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """Undo `pack`, or raise DecodeError."""
    if packed[:4] != kind:
        raise DecodeError(f"these bytes are no {kind.decode()}")
    if packed[4:5] != bytes([version]):
        raise DecodeError(f"this {kind.decode()} was written by another release; build the reference anew (stepwedge reference propose)")
    payload = expand(packed[5:])
    try:
        return _read(payload)
    except (ValueError, KeyError, TypeError) as error:
        raise DecodeError("the bytes are damaged") from error


def fingerprint(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Name a content by 16 bytes of its SHA-256, before compression: the same wherever it was packed."""
    return hashlib.sha256(_write(header, arrays)).digest()[:16]


def _write(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    plain = {name: np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    shapes = [[name, array.dtype.str, array.shape] for name, array in plain.items()]
    head = json.dumps({"header": header, "arrays": shapes}, separators=(",", ":")).encode()
    body = b"".join(array.tobytes() for array in plain.values())
    return len(head).to_bytes(4, "little") + head + body


def _read(payload: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    start = 4 + int.from_bytes(payload[:4], "little")
    head = json.loads(payload[4:start])
    arrays: dict[str, Array] = {}
    for name, kind, shape in head["arrays"]:
        count = int(np.prod(shape, dtype=np.int64))
        dtype = np.dtype(kind)
        arrays[name] = np.frombuffer(payload, dtype, count, start).reshape(shape).astype(dtype.newbyteorder("="))
        start += count * dtype.itemsize
    if start != len(payload):
        raise ValueError
    return head["header"], arrays
