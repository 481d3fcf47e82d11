"""What is around a data set: preamble, file meta information, transfer syntax, deflate."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from service.errors import TooLargeError, UndecodableError
from service.gateway.elements import LONG_VRS, Encoding, read_elements
from service.gateway.limits import Limits
from service.gateway.syntaxes import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE

PREAMBLE = 128
MAGIC = b"DICM"
META = 0x0002
TRANSFER_SYNTAX = 0x00020010
FIRST_GROUPS = (META, 0x0004, 0x0008)
INFLATE_STEP = 1 << 12
"""Deflated bytes at a time; they become at most 1,032 times as many."""


class Envelope(NamedTuple):
    """The data set of a body, how its elements are written, and its transfer syntax."""

    dataset: memoryview
    encoding: Encoding
    syntax: str


def open_envelope(body: bytes, limits: Limits) -> Envelope:
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
    stop = _meta_end(view)
    syntax = _declared_syntax(view[:stop], limits)
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


def _meta_end(view: memoryview) -> int:
    """Where group 0002 ends, found by walking over it: its declared length is often wrong or missing."""
    position = 0
    while position + 8 <= len(view) and int.from_bytes(view[position : position + 2], "little") == META:
        vr = bytes(view[position + 4 : position + 6])
        if vr in LONG_VRS:
            position += 12 + int.from_bytes(view[position + 8 : position + 12], "little")
        elif vr.isalpha() and vr.isupper():
            position += 8 + int.from_bytes(view[position + 6 : position + 8], "little")
        else:
            position += 8 + int.from_bytes(view[position + 4 : position + 8], "little")
    return min(position, len(view))


def _declared_syntax(meta: memoryview, limits: Limits) -> str:
    if not meta:
        return ""
    encoding = Encoding(explicit=_names_types(meta), little=True)
    element = read_elements(meta, encoding, frozenset((TRANSFER_SYNTAX,)), limits).elements.get(TRANSFER_SYNTAX)
    return bytes(element.value[:64]).decode("ascii", "replace").strip(" \0") if element else ""


def _names_types(dataset: memoryview) -> bool:
    """Whether the first element names its type; what is written counts, not what the transfer syntax promised."""
    vr = bytes(dataset[4:6])
    return vr.isalpha() and vr.isupper()


def _syntax_of(encoding: Encoding) -> str:
    if not encoding.explicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_LITTLE if encoding.little else EXPLICIT_BIG
