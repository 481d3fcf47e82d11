"""The transfer syntaxes that are read, and by which codec."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"

NATIVE = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG))


class Format(StrEnum):
    """Families of compressed frames; one codec each."""

    RLE = "rle"
    JPEG = "jpeg"
    JPEG_LS = "jpeg-ls"
    JPEG_2000 = "jpeg-2000"


ENCAPSULATED: Mapping[str, Format] = {
    RLE: Format.RLE,
    "1.2.840.10008.1.2.4.50": Format.JPEG,  # baseline, 8 bits
    "1.2.840.10008.1.2.4.51": Format.JPEG,  # extended, 8 and 12 bits
    "1.2.840.10008.1.2.4.57": Format.JPEG,  # lossless
    "1.2.840.10008.1.2.4.70": Format.JPEG,  # lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": Format.JPEG_LS,  # lossless
    "1.2.840.10008.1.2.4.81": Format.JPEG_LS,  # near-lossless
    "1.2.840.10008.1.2.4.90": Format.JPEG_2000,  # lossless
    "1.2.840.10008.1.2.4.91": Format.JPEG_2000,
    "1.2.840.10008.1.2.4.201": Format.JPEG_2000,  # high throughput, lossless
    "1.2.840.10008.1.2.4.202": Format.JPEG_2000,  # high throughput, lossless, by resolution
    "1.2.840.10008.1.2.4.203": Format.JPEG_2000,  # high throughput
}

LOSSY = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 81, 91, 203))
"""Those whose pixels come back about as they were."""
