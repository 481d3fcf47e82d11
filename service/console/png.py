"""PNG: an array of grey or coloured pixels as a picture that every browser shows."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR = 0, 2
GREY_DIMENSIONS = 2


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The picture of [rows, columns] or [rows, columns, 3].

    Source:
        W3C, Portable Network Graphics (PNG) Specification, third edition, 5 and 9.

    >>> png(np.zeros((2, 3), dtype=np.uint8))[12:24].hex()
    '494844520000000300000002'
    """
    rows, columns = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", columns, rows, 8, COLOUR if pixels.ndim > GREY_DIMENSIONS else GREY, 0, 0, 0)
    # Each line begins with the number of its filter: none.
    lines = np.hstack([np.zeros((rows, 1), dtype=np.uint8), pixels.reshape(rows, -1)])
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 6)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def grey(film: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A film [rows, columns] as 256 greys, dark to bright; the outermost half per cent at each end is cut.

    >>> grey(np.arange(6, dtype=np.float32).reshape(2, 3)).tolist()
    [[0, 50, 101], [153, 204, 255]]
    """
    low, high = np.percentile(film, (0.5, 99.5))
    scaled: NDArray[np.uint8] = (255 * np.clip((film - low) / max(float(high - low), 1e-9), 0, 1)).astype(np.uint8)
    return scaled
