"""Stored pixels: whatever the transfer syntax and word layout, the same film gives the same integers."""

from __future__ import annotations

import hashlib
import struct
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from service.errors import NoPixelsError, UndecodableError, UnsupportedSyntaxError
from service.gateway.elements import DataSet, Element
from service.gateway.frame import Codec, EncodedFrame, Words
from service.gateway.geometry import Geometry
from service.gateway.syntaxes import ENCAPSULATED, LOSSY, NATIVE

WORD_BITS = 16
ITEM_HEAD, OFFSET = 8, 4
STRIP_PIXELS = 1 << 20
"""Pixels that are turned round at a time."""


def stored_positions(dataset: DataSet, syntax: str, geometry: Geometry, codec: Codec) -> NDArray[np.uint16]:
    """Each stored pixel as its distance from the lowest value that `geometry` allows, uint16 [rows, columns].

    Bits outside the stored ones are dropped, signed values lose their sign, big endian words are turned: after this
    the way in which the film was written no longer shows.

    Raises:
        UnsupportedSyntaxError: The transfer syntax is not one that is read.
        NoPixelsError: There is no pixel data.
        UndecodableError: Pixel data of another size than declared, or a broken codestream.
    """
    if syntax not in NATIVE and syntax not in ENCAPSULATED:
        raise UnsupportedSyntaxError
    if dataset.pixels is None and not dataset.fragments:
        raise NoPixelsError
    if (syntax in NATIVE) != (dataset.pixels is not None):
        raise UndecodableError("The pixel data are not written as the transfer syntax says.")
    if dataset.pixels is not None:
        return _positions(_native_words(dataset.pixels, geometry), geometry, geometry.high_bit + 1 - geometry.bits_stored)
    frame = EncodedFrame(
        format=ENCAPSULATED[syntax],
        syntax=syntax,
        rows=geometry.rows,
        columns=geometry.columns,
        bits_allocated=geometry.bits_allocated,
        data=b"".join(_fragments_of(dataset, geometry)),
    )
    words = codec(frame)
    if syntax in LOSSY and not geometry.signed:
        # Where the codestream has more bits than the film, white may come back whiter than white; without them it would be black.
        white = min((1 << geometry.bits_stored) - 1, np.iinfo(words.dtype).max)
        words = np.minimum(words, words.dtype.type(white), out=own(words))
    return _positions(words, geometry, 0)


def pixel_digest(positions: NDArray[np.uint16], *, inverted: bool, highest: int) -> bytes:
    """SHA-256 over rows, columns and the stored positions in MONOCHROME2 sense, little endian."""
    digest = hashlib.sha256(struct.pack("<2I", *positions.shape))
    rows = max(STRIP_PIXELS // positions.shape[1], 1)
    for start in range(0, len(positions), rows):
        strip = positions[start : start + rows]
        seen = np.subtract(highest, strip, dtype=np.uint16) if inverted else strip
        digest.update(np.ascontiguousarray(seen, "<u2").data)
    return digest.digest()


def _fragments_of(dataset: DataSet, geometry: Geometry) -> tuple[memoryview, ...]:
    """The fragments of the frame that is read: all of an only frame; else told by their number or by the offset table, which must fit."""
    fragments = dataset.fragments or ()
    if geometry.frames == 1:
        return fragments
    if len(fragments) == geometry.frames:
        return fragments[geometry.frame : geometry.frame + 1]
    starts = list(accumulate((len(fragment) + ITEM_HEAD for fragment in fragments), initial=0))
    if dataset.table is not None and len(dataset.table) == OFFSET * geometry.frames:
        offsets = [*np.frombuffer(dataset.table, "<u4").tolist(), starts[-1]]
        if offsets[0] == 0 and offsets == sorted(set(offsets)) and set(offsets) <= set(starts):
            return fragments[starts.index(offsets[geometry.frame]) : starts.index(offsets[geometry.frame + 1])]
    raise UndecodableError("The frames of the compressed pixel data cannot be told apart.")


def _native_words(pixels: Element, geometry: Geometry) -> Words:
    size, start = geometry.frame_bytes * geometry.frames, geometry.frame_bytes * geometry.frame
    if len(pixels.value) not in (size, size + size % 2):
        raise UndecodableError("The pixel data are not of the declared size.")
    if geometry.bits_allocated == WORD_BITS:
        frame = pixels.value[start : start + geometry.frame_bytes]
        words = np.frombuffer(frame, "<u2" if pixels.little else ">u2").astype(np.uint16, copy=False)
        return words.reshape(geometry.rows, geometry.columns)
    pairs = not pixels.little and pixels.vr == "OW"  # big endian words that hold two pixels each
    single = np.frombuffer(pixels.value, ">u2").astype("<u2").view(np.uint8) if pairs else np.frombuffer(pixels.value, np.uint8)
    return single[start : start + geometry.frame_bytes].reshape(geometry.rows, geometry.columns)


def _positions(words: Words, geometry: Geometry, shift: int) -> NDArray[np.uint16]:
    highest = (1 << geometry.bits_stored) - 1
    positions: NDArray[np.uint16] = words.astype(np.uint16, copy=False)
    if shift:
        positions = np.right_shift(positions, np.uint16(shift), out=own(positions))
    if geometry.bits_stored < WORD_BITS and positions.max(initial=0) > highest:  # mostly there is nothing to drop, and no need of a copy
        positions = np.bitwise_and(positions, np.uint16(highest), out=own(positions))
    if geometry.signed:
        positions = np.bitwise_xor(positions, np.uint16(1 << geometry.bits_stored - 1), out=own(positions))
    return positions


def own(words: Words) -> Words | None:
    """The array itself, if it may be written over; None where it is a part of the body."""
    return words if words.flags.writeable else None
