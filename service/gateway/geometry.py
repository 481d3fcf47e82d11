"""What a film declares about its pixels, checked before anything is allocated for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from service.errors import NoPixelsError, OutOfScopeError, TooLargeError, UndecodableError
from service.gateway.elements import Element
from service.gateway.limits import Limits
from service.gateway.values import first_number, first_text
from service.models.scope import Outside

SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS = 0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011
BITS_ALLOCATED, BITS_STORED, HIGH_BIT, SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
GROUPS = frozenset((0x52009229, 0x52009230))
"""Shared and per-frame functional groups: in such an instance the rescale of a frame lies where this reader does not look."""
LONGEST_SIDE = 0xFFFF
PADDING = b" \0"
GEOMETRY = frozenset((SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS, BITS_ALLOCATED, BITS_STORED, HIGH_BIT, SIGNED)) | GROUPS


Frames = Literal["single", "first", "middle"]


@dataclass(frozen=True, slots=True)
class Geometry:
    """One grey frame of `frames`: which one, its size, and where in a word of `bits_allocated` the `bits_stored` of a pixel lie."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    inverted: bool
    frames: int = 1
    frame: int = 0

    @property
    def frame_bytes(self) -> int:
        """Size of the frame when it is not compressed."""
        return self.rows * self.columns * self.bits_allocated // 8

    @property
    def lowest(self) -> int:
        """The lowest value that a stored pixel can take."""
        return -(1 << self.bits_stored - 1) if self.signed else 0

    @property
    def highest(self) -> int:
        """The highest value that a stored pixel can take."""
        return self.lowest + (1 << self.bits_stored) - 1


def read_geometry(elements: Mapping[int, Element], limits: Limits, accepted: Frames = "single") -> Geometry:
    """The declared geometry of a single grey frame, or of the one that is read of several.

    Colour is refused, not converted: in a radiography study a colour instance is a screenshot or another program's
    overlay, never the film, and a model that was made for films must not see it nor count it.

    Raises:
        NoPixelsError: The instance has no rows or columns.
        TooLargeError: Declared rows x columns x frames x samples is over `limits.pixels`.
        OutOfScopeError: More frames than are accepted, frames with attributes of their own, colour, or pixels that are not of 8 or 16 bits.
        UndecodableError: The declaration contradicts itself.
    """
    rows, columns = _count(elements, ROWS, 0), _count(elements, COLUMNS, 0)
    if not (0 < rows <= LONGEST_SIDE and 0 < columns <= LONGEST_SIDE):
        raise NoPixelsError
    frames, samples = _count(elements, FRAMES, 1, vr="IS"), _count(elements, SAMPLES, 1)
    if rows * columns * max(frames, 1) * max(samples, 1) > limits.pixels:
        raise TooLargeError
    if frames > 1 and accepted == "single":
        raise OutOfScopeError("The instance has more than one frame, and the model reads single ones.", attribute=Outside.FRAMES)
    if not GROUPS.isdisjoint(elements):
        raise OutOfScopeError("The instance describes its frames in functional groups, which are not read here.", attribute=Outside.FRAMES)
    photometric = first_text(elements.get(PHOTOMETRIC), "latin-1").upper()
    if samples != 1 or photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise OutOfScopeError("The instance is not a grey image; a film has one grey value a pixel.", attribute=Outside.COLOUR)
    allocated = _count(elements, BITS_ALLOCATED, 0)
    if allocated not in (8, 16):
        raise OutOfScopeError("The pixels are not of 8 or 16 bits.", attribute=Outside.BITS)
    stored = _count(elements, BITS_STORED, allocated)
    high = _count(elements, HIGH_BIT, stored - 1)
    if not 1 <= stored <= high + 1 <= allocated:
        raise UndecodableError("The declared bits of a pixel contradict each other.")
    return Geometry(
        rows,
        columns,
        allocated,
        stored,
        high,
        signed=_count(elements, SIGNED, 0) == 1,
        inverted=photometric == "MONOCHROME1",
        frames=max(frames, 1),
        frame=frames // 2 if accepted == "middle" else 0,
    )


def _count(elements: Mapping[int, Element], tag: int, absent: int, vr: str = "US") -> int:
    """A whole number that is not negative; `absent` where the film does not say."""
    element = elements.get(tag)
    if element is None or not bytes(element.value[:64]).strip(PADDING if vr == "IS" else b""):
        return absent
    value = first_number(element, vr)
    if value is None or value < 0 or value != int(value):
        raise UndecodableError("The declared size or depth of the pixels is not a number.")
    return int(value)
