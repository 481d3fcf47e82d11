"""One compressed grey frame, and what turns it into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.gateway.syntaxes import Format

FAILED = "The compressed pixel data cannot be decompressed."
OVERDUE = 2
"""Wall time over processor time after which a codec is ended: a machine under load is no hanging codec."""
Words = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A compressed frame and what DICOM declared about it."""

    format: Format
    syntax: str
    rows: int
    columns: int
    bits_allocated: int
    data: bytes


class Codec(Protocol):
    """Decompresses one frame: `codec.decompress` in this process, a CodecPool in others that may crash or hang."""

    def __call__(self, frame: EncodedFrame, /) -> Words:
        """Words [rows, columns]; the bits above the codec's precision have no meaning."""
