"""What is around a data set: preamble, file meta information, transfer syntax, deflate."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from service.errors import TooLargeError, UndecodableError
from service.gateway.elements import Encoding, Reader
from service.gateway.limits import Limits
from service.gateway.syntaxes import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from service.gateway.values import first_text

PREAMBLE = 128
MAGIC = b"DICM"
META = 0x0002
TRANSFER_SYNTAX = 0x00020010
FIRST_GROUPS = (META, 0x0004, 0x0008)
INFLATE_STEP = 1 << 10
"""Deflated bytes at a time; they become at most 1,032 times as many."""


class Envelope(NamedTuple):
    """The data set of a body, how its elements are written, and its transfer syntax."""

    dataset: memoryview
    encoding: Encoding
    syntax: str


def open_envelope(body: bytes | memoryview, limits: Limits) -> Envelope:
    """Data set and transfer syntax of a part 10 file, or of a bare data set that begins like one.

    Raises:
        UndecodableError: The body does not begin like DICOM, or the deflated part is broken.
        TooLargeError: The body, or what it inflates to, is over `limits.body_bytes`.
    """
    if len(body) > limits.body_bytes:
        raise TooLargeError
    view = memoryview(body)
    view = view[PREAMBLE + len(MAGIC) :] if body[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC else view
    if int.from_bytes(view[:2], "little") not in FIRST_GROUPS and int.from_bytes(view[:2], "big") not in FIRST_GROUPS:
        raise UndecodableError
    syntax, stop = _read_meta(view, limits)
    dataset = view[stop:]
    if syntax == DEFLATED:
        dataset = memoryview(inflate(dataset, limits.body_bytes))
    big = syntax == EXPLICIT_BIG if syntax else int.from_bytes(dataset[:2], "little") not in FIRST_GROUPS
    encoding = Encoding(explicit=_names_types(dataset), little=not big)
    return Envelope(dataset, encoding, syntax or _syntax_of(encoding))


def inflate(deflated: memoryview, limit: int) -> bytes:
    """The inflated bytes. They are first counted in small steps and thrown away, so a bomb costs no memory."""
    counter = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    try:
        for start in range(0, len(deflated), INFLATE_STEP):
            total += len(counter.decompress(deflated[start : start + INFLATE_STEP]))
            if total > limit:
                raise TooLargeError
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, max(total, 1))
    except zlib.error:
        raise UndecodableError("The deflated data set cannot be inflated.") from None


def _read_meta(view: memoryview, limits: Limits) -> tuple[str, int]:
    """Declared transfer syntax, and where group 0002 ends, found by walking over it: its declared length is often wrong."""
    reader = Reader(view, Encoding(explicit=True, little=True), limits)
    syntax, position = "", 0
    while int.from_bytes(view[position : position + 2], "little") == META:
        head = reader.head(position, explicit=True)
        position = reader.end(head)
        if head.tag == TRANSFER_SYNTAX:
            syntax = first_text(reader.element(head, position), "ascii")
    return syntax, position


def _names_types(dataset: memoryview) -> bool:
    """Whether the first element names its type; what is written counts, not what the transfer syntax promised."""
    vr = bytes(dataset[4:6])
    return vr.isalpha() and vr.isupper()


def _syntax_of(encoding: Encoding) -> str:
    if not encoding.explicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_LITTLE if encoding.little else EXPLICIT_BIG
