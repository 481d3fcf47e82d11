"""DICOM data elements, read with bounds: one pass, no recursion, no copy, nothing allocated that the body does not hold.

pydicom reads what it trusts: it recurses into sequences, believes lengths and inflates without end. At the door every
length is checked against the bytes that are there, depth and number of elements are counted, and only what a film needs
is kept. The tests hold this reader against pydicom on every file that pydicom ships.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from service.errors import TooLargeError, UndecodableError
from service.gateway.limits import Limits

PIXEL_DATA = 0x7FE00010
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
DELIMITERS = 0xFFFE  # the group of items and ends: they name no type
LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))

TORN = "A length in the film points past the end of the body."


class Encoding(NamedTuple):
    """How elements are written. An explicit one names the type (VR) of each value."""

    explicit: bool
    little: bool


class Element(NamedTuple):
    """One value as it lies in the body; `vr` is empty where the film does not name it."""

    vr: str
    value: memoryview
    little: bool


@dataclass(frozen=True, slots=True)
class DataSet:
    """The wanted elements by tag. `pixels` is native pixel data, `fragments` is encapsulated pixel data without its offset table, `table` that."""

    elements: Mapping[int, Element]
    pixels: Element | None
    fragments: tuple[memoryview, ...] | None
    table: memoryview | None = None


class Head(NamedTuple):
    """What stands before a value."""

    tag: int
    vr: bytes
    length: int
    start: int


class Reader:
    """One pass over a buffer; counts what it meets."""

    def __init__(self, data: memoryview, encoding: Encoding, limits: Limits) -> None:
        self.data = data
        self.limits = limits
        self.little = encoding.little
        order = "<" if encoding.little else ">"
        self._tag = struct.Struct(f"{order}HH").unpack_from
        self._u16 = struct.Struct(f"{order}H").unpack_from
        self._u32 = struct.Struct(f"{order}I").unpack_from
        self._met = 0

    def head(self, position: int, *, explicit: bool) -> Head:
        """Tag, VR, length and where the value starts. An element whose VR is no VR is read as implicit, as other readers do."""
        self._met += 1
        if self._met > self.limits.elements:
            raise TooLargeError("The film has more data elements than this service reads.")
        try:
            group, element = self._tag(self.data, position)
            tag = group << 16 | element
            vr = bytes(self.data[position + 4 : position + 6]) if explicit and group != DELIMITERS else b""
            if not (vr.isalpha() and vr.isupper()):
                return Head(tag, b"", self._u32(self.data, position + 4)[0], position + 8)
            if vr in LONG_VRS:
                return Head(tag, vr, self._u32(self.data, position + 8)[0], position + 12)
            return Head(tag, vr, self._u16(self.data, position + 6)[0], position + 8)
        except struct.error:
            raise UndecodableError(TORN) from None

    def end(self, head: Head) -> int:
        """Where a value of declared length ends."""
        stop = head.start + head.length
        if stop > len(self.data):
            raise UndecodableError(TORN)
        return stop

    def element(self, head: Head, stop: int) -> Element:
        """The value between a head and where it ends."""
        return Element(head.vr.decode(), self.data[head.start : stop], self.little)

    def end_of_sequence(self, position: int, *, explicit: bool) -> int:
        """Where a sequence of undefined length that starts at `position` ends."""
        open_ = [(ITEM, explicit)]  # what the innermost open level expects next: items, or the elements of an item
        while open_:
            if len(open_) > 2 * self.limits.depth:
                raise UndecodableError("Sequences are nested deeper than this service reads.")
            expected, explicit = open_[-1]
            head = self.head(position, explicit=explicit)
            position = head.start
            if head.tag == (SEQUENCE_END if expected == ITEM else ITEM_END):
                open_.pop()
            elif expected == ITEM and head.tag != ITEM:
                raise UndecodableError("A sequence holds something that is not an item.")
            elif head.length != UNDEFINED:
                position = self.end(head)
            elif expected == ITEM:
                open_.append((ITEM_END, explicit))
            else:
                open_.append((ITEM, explicit and head.vr != b"UN"))  # PS3.5 6.2.2: an UN of undefined length is implicit inside
        return position

    def fragments(self, position: int) -> tuple[memoryview, ...]:
        """Offset table and fragments of encapsulated pixel data; a missing end after the last whole fragment is forgiven."""
        found: list[memoryview] = []
        while position < len(self.data):
            head = self.head(position, explicit=False)
            if head.tag == SEQUENCE_END:
                break
            if head.tag != ITEM or head.length == UNDEFINED:
                raise UndecodableError("Encapsulated pixel data hold something that is not a fragment.")
            position = self.end(head)
            found.append(self.data[head.start : position])
        return tuple(found)


def read_elements(data: memoryview, encoding: Encoding, wanted: frozenset[int], limits: Limits) -> DataSet:
    """The wanted elements before the pixel data, and the pixel data.

    Raises:
        UndecodableError: A length points past the end, sequences are nested too deep, or a sequence is broken.
        TooLargeError: More elements than `limits.elements`.
    """
    reader = Reader(data, encoding, limits)
    elements: dict[int, Element] = {}
    position = 0
    while position + 8 <= len(data):
        head = reader.head(position, explicit=encoding.explicit)
        if head.tag == PIXEL_DATA and head.length == UNDEFINED:
            table, *fragments = reader.fragments(head.start) or (memoryview(b""),)
            return DataSet(elements, None, tuple(fragments), table)
        if head.length == UNDEFINED:
            position = reader.end_of_sequence(head.start, explicit=encoding.explicit and head.vr != b"UN")
        else:
            position = reader.end(head)
        if head.tag == PIXEL_DATA:
            return DataSet(elements, reader.element(head, position), None)
        if head.tag in wanted:
            if head.tag in elements:
                raise UndecodableError("The film says one thing twice.")
            elements[head.tag] = reader.element(head, position)
    return DataSet(elements, None, None)


def first_item(sequence: Element, encoding: Encoding, wanted: frozenset[int], limits: Limits) -> DataSet | None:
    """The wanted elements of the first item of a sequence; None where the sequence is empty."""
    if not len(sequence.value):
        return None
    encoding = encoding if sequence.vr != "UN" else Encoding(explicit=False, little=True)
    reader = Reader(sequence.value, encoding, limits)
    head = reader.head(0, explicit=False)
    if head.tag == SEQUENCE_END:
        return None
    if head.tag != ITEM:
        raise UndecodableError("A sequence holds something that is not an item.")
    stop = len(sequence.value) if head.length == UNDEFINED else reader.end(head)
    return read_elements(sequence.value[head.start : stop], encoding, wanted, limits)
