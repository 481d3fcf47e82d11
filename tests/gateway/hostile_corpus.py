"""Hostile films by name: what lies, what bombs, what stops early and what is merely odd. Nothing here is a file; all of it is made anew.

REFUSED must never be answered. ODD may be answered or refused, as the standard or common sense has it: here only the gateway's health counts.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping

import numpy as np
from pydicom import uid

from tests.films import make_film, phantom
from tests.gateway.hostile import (
    UNDEFINED,
    deflate_bomb,
    element,
    encapsulated,
    film_of,
    item,
    native,
    nested_sequences,
    part10,
    rle_bomb,
)

MIB = 1 << 20
WHOLE = native(b"\0" * 128)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
Make = Callable[[], bytes]


def cut(syntax: str, share: float) -> bytes:
    film = make_film(syntax=syntax)
    return film[: int(len(film) * share)]


def deflated(dataset: bytes, tail: bytes = b"") -> bytes:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return part10(squeezer.compress(dataset) + squeezer.flush() + tail, uid.DeflatedExplicitVRLittleEndian)


def siz(rows: int, columns: int, *, components: int = 1, tile: tuple[int, int] | None = None, depth: int = 15, step: int = 1) -> bytes:
    """The beginning of a JPEG 2000 codestream that declares what it likes, and its end."""
    tile_rows, tile_columns = tile or (rows, columns)
    size = struct.pack(">HH8IH", 38 + 3 * components, 0, columns, rows, 0, 0, tile_columns, tile_rows, 0, 0, components)
    return b"\xff\x4f\xff\x51" + size + bytes((depth, step, step)) * components + b"\xff\xd9"


def jpeg(rows: int, columns: int, *, marker: int = 0xC0, components: int = 1, precision: int = 8, tail: bytes = b"") -> bytes:
    """The beginning of a JPEG or JPEG-LS codestream that declares what it likes, and its end."""
    body = struct.pack(">BHHB", precision, rows, columns, components) + b"\x01\x11\x00" * components
    return b"\xff\xd8\xff" + bytes((marker,)) + struct.pack(">H", len(body) + 2) + body + tail + b"\xff\xd9"


def packed(syntax: str, *fragments: bytes, rows: int = 64, columns: int = 64, bits: int = 16, table: bytes = b"", frames: int = 1) -> bytes:
    return film_of(rows=rows, columns=columns, bits=bits, frames=frames, pixels=encapsulated(*fragments, table=table), syntax=syntax)


def rle(*segments: bytes, count: int | None = None, offsets: tuple[int, ...] | None = None) -> bytes:
    """An RLE frame whose header may lie about the number of segments and where they begin."""
    starts, position = [], 64
    for segment in segments:
        starts.append(position)
        position += len(segment)
    told = [*(starts if offsets is None else offsets)]
    return struct.pack("<16I", len(segments) if count is None else count, *told, *[0] * (15 - len(told))) + b"".join(segments)


def lut(count: int, first: int, bits: int, data: bytes) -> bytes:
    """A modality LUT sequence as given."""
    inside = element(0x00283002, b"US", struct.pack("<3H", count, first, bits)) + element(0x00283006, b"OW", data)
    return element(0x00283000, b"SQ", item(inside))


def rescaled(slope: bytes, intercept: bytes = b"0 ") -> bytes:
    return film_of(extra=element(0x00281052, b"DS", intercept) + element(0x00281053, b"DS", slope), pixels=WHOLE)


def constant_jpeg_2000(side: int) -> bytes:
    """A small body that unpacks to side x side pixels, all of them declared and all of them there: a legal bomb."""
    return make_film(np.zeros((side, side), np.uint16), syntax=uid.JPEG2000Lossless)


def opened(depth: int, head: bytes = b"SQ") -> bytes:
    """Sequences that open and never end."""
    return part10((element(0x00081140, head, b"", length=UNDEFINED) + struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)) * depth)


J2K, JLS, RLE, JPG = uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless, uid.JPEGBaseline8Bit
JPL = uid.JPEGLosslessSV1

REFUSED: Mapping[str, Make] = {
    # no DICOM at all
    "nothing": lambda: b"",
    "one byte": lambda: b"\0",
    "zeros": lambda: b"\0" * 1000,
    "a preamble alone": lambda: b"\0" * 132,
    "magic alone": lambda: b"\0" * 128 + b"DICM",
    "magic again and again": lambda: b"DICM" * 1000,
    "another format": lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 500,
    "json": lambda: b"{}" * 500,
    "tags and nothing else": lambda: b"\x08\x00" * 3,
    # stops early
    "cut in the meta information": lambda: make_film()[:140],
    "cut in the header": lambda: make_film()[:400],
    "cut in the pixels": lambda: cut(uid.ExplicitVRLittleEndian, 0.6),
    "cut by one byte": lambda: make_film()[:-1],
    "cut implicit": lambda: cut(uid.ImplicitVRLittleEndian, 0.5),
    "cut big endian": lambda: cut(uid.ExplicitVRBigEndian, 0.5),
    "cut deflated": lambda: cut(uid.DeflatedExplicitVRLittleEndian, 0.5),
    "cut JPEG 2000": lambda: cut(J2K, 0.7),
    "cut JPEG-LS": lambda: cut(JLS, 0.7),
    "cut RLE": lambda: cut(RLE, 0.7),
    # lengths that lie
    "a value longer than the body": lambda: part10(element(0x00091001, b"UN", b"", length=0xFFFFFFF0)),
    "a short value longer than the body": lambda: part10(element(0x00091001, b"LO", b"", length=0xFFFF)),
    "pixels longer than the body": lambda: film_of(pixels=native(b"\0" * 128, length=0xFFFFFFF0)),
    "pixels of no length": lambda: film_of(pixels=native(b"")),
    "fewer pixels than declared": lambda: film_of(pixels=native(b"\0" * 100)),
    "more pixels than declared": lambda: film_of(pixels=native(b"\0" * 4096)),
    "a fragment longer than the body": lambda: packed(J2K, b"")[:-16] + item(b"ab", length=0x7FFFFFF0),
    "a fragment of undefined length": lambda: packed(J2K, b"")[:-8] + item(b"ab", length=UNDEFINED),
    "meta information longer than the body": lambda: b"\0" * 128 + b"DICM" + element(0x00020010, b"UI", b"1.2", length=0xFFF0),
    "an item longer than its sequence": lambda: part10(element(0x00283000, b"SQ", item(b"\0" * 8, length=0xFFFFFF))),
    # sequences
    "sequences deeper than any": lambda: nested_sequences(5_000),
    "sequences that never end": lambda: opened(10),
    "sequences that never end, deep": lambda: opened(100_000),
    "unknown sequences that never end": lambda: opened(50, b"UN"),
    "a sequence of something else": lambda: part10(element(0x00081140, b"SQ", element(0x00080060, b"CS", b"DX"), length=UNDEFINED)),
    "a flood of elements": lambda: part10(element(0x00091001, b"CS", b"") * 200_000),
    "a flood of items": lambda: part10(element(0x00081140, b"SQ", item(b"") * 200_000, length=UNDEFINED)),
    "a flood of fragments": lambda: packed(RLE, *[b""] * 100_000),
    "a flood of meta information": lambda: b"\0" * 128 + b"DICM" + element(0x00020003, b"UI", b"") * 200_000,
    # sizes that lie
    "a film of four thousand million pixels": lambda: film_of(rows=65_535, columns=65_535, pixels=WHOLE),
    "a million frames": lambda: film_of(frames=1_000_000, pixels=WHOLE),
    "no rows": lambda: film_of(rows=0, pixels=WHOLE),
    "no pixel data": lambda: film_of(pixels=b""),
    "compressed, and no fragment": lambda: packed(J2K),
    "compressed, written plain": lambda: film_of(pixels=WHOLE, syntax=J2K),
    "plain, written compressed": lambda: film_of(pixels=encapsulated(b"\0" * 128)),
    # bits that contradict each other
    "more bits stored than allocated": lambda: film_of(stored=17, pixels=WHOLE),
    "no bits stored": lambda: film_of(stored=0, high=0, pixels=WHOLE),
    "a high bit beyond the word": lambda: film_of(high=16, pixels=WHOLE),
    "a high bit below the stored ones": lambda: film_of(stored=12, high=3, pixels=WHOLE),
    "24 bits": lambda: film_of(bits=24, pixels=native(b"\0" * 192)),
    "one bit": lambda: film_of(bits=1, pixels=native(b"\0" * 8)),
    # colour
    "colour": lambda: film_of(samples=3, bits=8, photometric=b"RGB ", pixels=native(b"\0" * 192)),
    "colour in another space": lambda: film_of(samples=3, bits=8, photometric=b"YBR_FULL_422", pixels=native(b"\0" * 128)),
    "a palette": lambda: film_of(photometric=b"PALETTE COLOR ", pixels=WHOLE),
    "grey of three samples": lambda: film_of(samples=3, pixels=native(b"\0" * 384)),
    "no photometric interpretation": lambda: film_of(photometric=b"", pixels=WHOLE),
    # deflate
    "a deflate bomb": lambda: deflate_bomb(1 << 28),
    "a deflate bomb in front of a film": lambda: deflated(element(0x00091001, b"OB", b"\0" * (160 * MIB))),
    "deflated noise": lambda: part10(bytes(range(256)) * 40, uid.DeflatedExplicitVRLittleEndian),
    "deflated nothing": lambda: deflated(b""),
    "deflated, and not": lambda: part10(make_film()[300:], uid.DeflatedExplicitVRLittleEndian),
    # JPEG 2000
    "JPEG 2000 of another size": lambda: packed(J2K, siz(60_000, 60_000)),
    "JPEG 2000 of a thousand components": lambda: packed(J2K, siz(64, 64, components=1_000)),
    "JPEG 2000 of tiles of one pixel": lambda: packed(J2K, siz(8192, 8192, tile=(1, 1)), rows=8192, columns=8192),
    "JPEG 2000 of tiles of no pixel": lambda: packed(J2K, siz(64, 64, tile=(0, 0))),
    "JPEG 2000 of a huge tile": lambda: packed(J2K, siz(64, 64, tile=(0xFFFFFFFF, 0xFFFFFFFF))),
    "JPEG 2000 of 38 bits": lambda: packed(J2K, siz(64, 64, depth=37)),
    "JPEG 2000 of coarse components": lambda: packed(J2K, siz(64, 64, step=255)),
    "JPEG 2000 without a tile": lambda: packed(J2K, siz(64, 64)),
    "JPEG 2000 whose wrapper never ends": lambda: packed(J2K, b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 9000),
    # JPEG and JPEG-LS
    "JPEG of another size": lambda: packed(JPG, jpeg(65_535, 65_535), bits=8),
    "JPEG of no rows": lambda: packed(JPG, jpeg(0, 64), bits=8),
    "JPEG of four components": lambda: packed(JPG, jpeg(64, 64, components=4), bits=8),
    "JPEG without a scan": lambda: packed(JPG, jpeg(64, 64), bits=8),
    "JPEG of markers alone": lambda: packed(JPG, b"\xff\xd8" + b"\xff" * 10_000 + b"\xff\xd9", bits=8),
    "JPEG of empty segments": lambda: packed(JPG, b"\xff\xd8" + b"\xff\xe0\x00\x02" * 50_000 + b"\xff\xd9", bits=8),
    "JPEG with a second, larger header": lambda: packed(JPG, jpeg(64, 64, tail=jpeg(65_535, 65_535)[2:-2]), bits=8),
    "JPEG lossless of noise": lambda: packed(
        JPL, jpeg(64, 64, marker=0xC3, precision=16, tail=b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00" + b"\x55" * 900)
    ),
    "JPEG-LS of another size": lambda: packed(JLS, jpeg(65_535, 65_535, marker=0xF7, precision=16)),
    "JPEG-LS without a scan": lambda: packed(JLS, jpeg(64, 64, marker=0xF7, precision=16)),
    "JPEG-LS of noise": lambda: packed(
        JLS, jpeg(64, 64, marker=0xF7, precision=16, tail=b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00" + b"\xaa" * 900)
    ),
    "one format in another's name": lambda: packed(JLS, siz(64, 64)),
    # RLE
    "RLE that runs on": lambda: rle_bomb(64, 64, 1 << 20),
    "RLE that says little": lambda: packed(RLE, rle(b"\x81\x00", b"\x81\x00")),
    "RLE of too many segments": lambda: packed(RLE, rle(b"\x81\x00" * 32, count=0xFFFFFFFF)),
    "RLE of no segments": lambda: packed(RLE, rle(count=0)),
    "RLE whose segments begin nowhere": lambda: packed(RLE, rle(b"\x81\x00" * 32, b"\x81\x00" * 32, offsets=(0xFFFFFFF0, 0x7FFFFFFF))),
    "RLE whose segments begin in the header": lambda: packed(RLE, rle(b"\x81\x00" * 32, b"\x81\x00" * 32, offsets=(0, 4))),
    "RLE whose segments run backwards": lambda: packed(RLE, rle(b"\x81\x00" * 32, b"\x81\x00" * 32, offsets=(128, 64))),
    "RLE without a header": lambda: packed(RLE, b"\x02\0\0\0"),
    # rescale and LUT
    "a slope that is no number": lambda: rescaled(b"NaN "),
    "a slope without end": lambda: rescaled(b"inf "),
    "a slope too steep": lambda: rescaled(b"1e308 "),
    "a slope too flat": lambda: rescaled(b"1e-300"),
    "a slope of nothing": lambda: rescaled(b"0 "),
    "a slope too steep downwards": lambda: rescaled(b"-1e99 "),
    "an intercept of NaN": lambda: rescaled(b"1 ", b"NaN "),
    "a LUT of the wrong length": lambda: film_of(extra=lut(4096, 0, 12, b"\0" * 10), pixels=WHOLE),
    "a LUT of 65,536 and no data": lambda: film_of(extra=lut(0, 0, 16, b""), pixels=WHOLE),
    "a LUT of 255 bits": lambda: film_of(extra=lut(4, 0, 255, b"\0" * 8), pixels=WHOLE),
    "a LUT whose entries pass its bits": lambda: film_of(extra=lut(4, 0, 8, b"\xff" * 8), pixels=WHOLE),
    "a LUT that is no sequence": lambda: film_of(extra=element(0x00283000, b"SQ", b"\1" * 64), pixels=WHOLE),
    # said twice, said wrong
    "rows said twice": lambda: film_of(extra=element(0x00280010, b"US", b"\x10\0"), pixels=WHOLE),
    "frames that are no number": lambda: film_of(pixels=WHOLE).replace(b"1     ", b"1e9999"),
    "an unknown transfer syntax": lambda: film_of(pixels=WHOLE, syntax="1.2.3.4"),
    "a video": lambda: packed(uid.MPEG2MPML, b"\0\0\1\xb3" * 20),
    "a transfer syntax of ten thousand characters": lambda: film_of(pixels=WHOLE, syntax="1." * 5_000 + "1"),
}

ODD: Mapping[str, Make] = {
    "the least film": lambda: film_of(pixels=WHOLE),
    "one pixel": lambda: film_of(rows=1, columns=1, pixels=native(b"\1\0")),
    "a thread of pixels": lambda: film_of(rows=1, columns=40_000, pixels=native(b"\1\0" * 40_000)),
    "a preamble with something in it": lambda: b"MZ" + make_film()[2:],
    "no preamble": lambda: make_film()[132:],
    "a wrong group length": lambda: make_film()[:140] + b"\xff\xff\0\0" + make_film()[144:],
    "an odd length": lambda: film_of(extra=element(0x00104000, b"LT", b"odd"), pixels=WHOLE),
    "a charset that does not exist": lambda: film_of(extra=element(0x00080005, b"CS", b"ISO_IR 9999 "), pixels=WHOLE),
    "a charset of another charset": lambda: make_film(SpecificCharacterSet=["ISO 2022 IR 6", "ISO 2022 IR 87"]),
    "text that is no text": lambda: film_of(extra=element(0x00080070, b"LO", bytes(range(128, 256))), pixels=WHOLE),
    "escape characters": lambda: film_of(extra=element(0x00080070, b"LO", b"\x1b$B\x1b[2J\0\x07\x1b"), pixels=WHOLE),
    "a private sequence": lambda: film_of(extra=element(0x00091010, b"SQ", item(b"\0" * 8), length=16), pixels=WHOLE),
    "an unknown private sequence": lambda: film_of(
        extra=element(0x00091010, b"UN", item(b"", length=UNDEFINED) + ITEM_END + SEQUENCE_END, length=UNDEFINED), pixels=WHOLE
    ),
    "a private element said twice": lambda: film_of(extra=element(0x00091010, b"LO", b"a ") * 2, pixels=WHOLE),
    "a VR that is none": lambda: film_of(extra=struct.pack("<HHI", 0x0009, 0x1010, 4) + b"abcd", pixels=WHOLE),
    "signed pixels": lambda: film_of(signed=1, pixels=WHOLE),
    "a sign that is neither": lambda: film_of(signed=2, pixels=WHOLE),
    "one bit stored": lambda: film_of(stored=1, pixels=native(b"\1\0" * 64)),
    "padding beyond the pixels": lambda: film_of(extra=element(0x00280120, b"US", b"\xff\xff"), pixels=WHOLE),
    "padding of everything": lambda: film_of(
        extra=element(0x00280120, b"US", b"\0\0") + element(0x00280121, b"US", b"\xff\xff"), pixels=WHOLE
    ),
    "a LUT of one entry": lambda: film_of(extra=lut(1, 0, 16, b"\7\0"), pixels=WHOLE),
    "a negative slope": lambda: rescaled(b"-2.5"),
    "a slope said with a comma": lambda: rescaled(b"1,5 "),
    "an empty slope": lambda: rescaled(b"  "),
    "a steep slope": lambda: rescaled(b"9999"),
    "an age of nothing": lambda: make_film(PatientAge=None),
    "numbers that are text": lambda: film_of(extra=element(0x00180060, b"DS", b"eighty"), pixels=WHOLE),
    "numbers without end": lambda: film_of(extra=element(0x00180060, b"DS", b"9" * 60_000), pixels=WHOLE),
    "text without end": lambda: film_of(extra=element(0x00080070, b"UT", b"A" * (4 * MIB)), pixels=WHOLE),
    "something after the pixels": lambda: make_film() + b"\xff" * 4096,
    "a deflated film with a tail": lambda: make_film(syntax=uid.DeflatedExplicitVRLittleEndian) + b"\0" * 4096,
    "a table of offsets that lies": lambda: _with_table(make_film(phantom(64, 64), syntax=JLS)),
    "one frame in a thousand fragments": lambda: _in_pieces(make_film(phantom(64, 64), syntax=JLS)),
    "black": lambda: make_film(np.zeros((64, 64), np.uint16)),
    "white": lambda: make_film(np.full((64, 64), 4095, np.uint16)),
    "noise": lambda: make_film(np.random.default_rng(0).integers(0, 4096, (256, 256)).astype(np.uint16)),
    "a legal bomb": lambda: constant_jpeg_2000(4096),
}


def _frame_of(film: bytes) -> tuple[int, bytes]:
    """Where the encapsulated pixel data begin, and their only frame."""
    start = film.index(struct.pack("<HH", 0x7FE0, 0x0010))
    soi = film.index(b"\xff\xd8", start)
    length = int.from_bytes(film[soi - 4 : soi], "little")
    return start, film[soi : soi + length]


def _with_table(film: bytes) -> bytes:
    start, frame = _frame_of(film)
    return film[:start] + encapsulated(frame, table=struct.pack("<3I", 0xFFFFFFF0, 12, 0))


def _in_pieces(film: bytes) -> bytes:
    start, frame = _frame_of(film)
    return film[:start] + encapsulated(*[frame[at : at + 2] for at in range(0, len(frame), 2)])


CORPUS: Mapping[str, Make] = {**REFUSED, **ODD}
