"""Header: what a report repeats of the film, as the bytes that it wrote, in a small data set of its own."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from service.gateway.attributes import REPORTED
from service.gateway.dictionary import CHARSETS, DICTIONARY
from service.gateway.elements import Element
from service.gateway.values import CHARSET, TEXT_BYTES

_TAGS: Final = {keyword: DICTIONARY[keyword][0] for keyword in REPORTED}
HEADER: Final = frozenset(_TAGS.values())
NEEDED: Final = tuple(_TAGS[keyword] for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"))
_WRITTEN: Final = tuple(sorted(DICTIONARY[keyword] for keyword in REPORTED))


def header_of(elements: Mapping[int, Element]) -> bytes:
    """The elements that a report repeats, explicit VR little endian; empty where the film does not name itself and its study.

    Text is the same bytes in every transfer syntax, so nothing is decoded here and no name is misread on its way through.
    """
    if not all(_value(elements.get(tag)) for tag in NEEDED):
        return b""
    values = {tag: _value(elements[tag]) for tag in HEADER if tag in elements}
    if not all(term.strip() in CHARSETS for term in values.get(CHARSET, b"").decode("latin-1").split("\\")):
        del values[CHARSET]  # what nobody knows is not claimed; the bytes of the names stay
    return b"".join(_written(tag, vr, values[tag]) for tag, vr in _WRITTEN if tag in values)


def _value(element: Element | None) -> bytes:
    """The bytes without padding; none where they are too many to be what they should be."""
    return b"" if element is None or len(element.value) > TEXT_BYTES else bytes(element.value).strip(b" \0")


def _written(tag: int, vr: str, value: bytes) -> bytes:
    padded = value + (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(padded)) + padded
