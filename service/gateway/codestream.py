"""What a compressed frame says of itself, read from its first bytes: a codec allocates what is written here, not what DICOM declared."""

from __future__ import annotations

import struct
from typing import NamedTuple

from service.errors import UndecodableError
from service.gateway.syntaxes import Format

SOI = b"\xff\xd8"
SOC_SIZ = b"\xff\x4f\xff\x51"
JP2_HEADER_BYTES = 4096
RLE_HEADER_BYTES = 64
JPEG_FRAMES = frozenset((0xC0, 0xC1, 0xC2, 0xC3))
JPEG_LS_FRAMES = frozenset((0xF7,))
FILL = 0xFF
BARE_MARKERS = frozenset((0x01, *range(0xD0, 0xD8)))

END = b"\xff\xd9"
PADDING = b"\0\xff"
UNREADABLE = "The compressed pixel data do not begin like their transfer syntax says."


class FrameHeader(NamedTuple):
    """Size, number of components and bits of a component, as the codec will see them."""

    rows: int
    columns: int
    components: int
    precision: int


def codestream_of(data: bytes, format_: Format) -> bytes:
    """The bare codestream: the JP2 wrapper that some writers leave around JPEG 2000 is cut off."""
    if format_ is not Format.JPEG_2000:
        return data
    start = data.find(SOC_SIZ, 0, JP2_HEADER_BYTES)
    return data[start:] if start > 0 else data


def read_frame_header(codestream: bytes, format_: Format) -> FrameHeader:
    """Size and depth that the codestream declares; UndecodableError where it has no such header."""
    if not codestream.rstrip(PADDING).endswith(END):
        raise UndecodableError("The compressed pixel data stop early.")  # codecs would fill the rest with grey
    try:
        if format_ is Format.JPEG_2000:
            return _jpeg_2000(codestream)
        return _jpeg(codestream, JPEG_LS_FRAMES if format_ is Format.JPEG_LS else JPEG_FRAMES)
    except (struct.error, IndexError):
        raise UndecodableError(UNREADABLE) from None


def _jpeg_2000(data: bytes) -> FrameHeader:
    if not data.startswith(SOC_SIZ):
        raise UndecodableError(UNREADABLE)
    right, bottom, left, top = struct.unpack_from(">4I", data, 8)
    components, depth = struct.unpack_from(">HB", data, 40)
    return FrameHeader(bottom - top, right - left, components, (depth & 0x7F) + 1)


def _jpeg(data: bytes, frames: frozenset[int]) -> FrameHeader:
    if not data.startswith(SOI):
        raise UndecodableError(UNREADABLE)
    position = 2
    while data[position] == FILL:
        marker = data[position + 1]
        if marker == FILL or marker in BARE_MARKERS:
            position += 1 if marker == FILL else 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker in frames:
            precision, rows, columns, components = struct.unpack_from(">BHHB", data, position + 4)
            return FrameHeader(rows, columns, components, precision)
        position += 2 + max(length, 2)
    raise UndecodableError(UNREADABLE)
