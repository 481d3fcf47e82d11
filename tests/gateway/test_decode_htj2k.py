"""High-throughput JPEG 2000 as another house writes it: the codestreams beside this file are OpenJPH's.

They were made once, by `imagecodecs.htj2k_encode` (imagecodecs 2026.3.6, OpenJPH 0.26.3), of the pixels below: no decoder of ours had a hand in them,
and nothing that reads them need be able to write them.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import HTJ2K, UID, HTJ2KLossless, HTJ2KLosslessRPCL

from service.errors import UndecodableError
from service.gateway.isolation import CodecPool
from service.gateway.limits import Limits
from tests.films import make_dataset, make_film
from tests.gateway.decoding import decode

SAMPLES = Path(__file__).parent / "htj2k"


def pixels(bits: int) -> NDArray[np.integer[Any]]:
    """A wedge with steps, ramps and a corner of full contrast, 56 x 44."""
    y, x = np.mgrid[:56, :44]
    stored = (y // 7 * 7 * x * ((1 << bits) - 1)) // (49 * 43)
    stored[:8, :8] = (y[:8, :8] + x[:8, :8]) % 2 * ((1 << bits) - 1)
    found: NDArray[np.integer[Any]] = stored.astype(np.uint8 if bits == 8 else np.uint16)
    return found


def film(codestream: bytes, bits: int, syntax: UID) -> bytes:
    dataset = make_dataset(pixels(bits), BitsStored=bits, HighBit=bits - 1)
    dataset.PixelData = encapsulate([codestream])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    body = BytesIO()
    dcmwrite(body, dataset, enforce_file_format=True)
    return body.getvalue()


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL], ids=lambda syntax: syntax.name)
def test_a_film_that_was_compressed_without_loss_is_the_same_film(bits: int, syntax: UID) -> None:
    with CodecPool() as pool:
        image = decode(film(sample(f"lossless-{bits}.jph"), bits, syntax), Limits(), pool)
    np.testing.assert_array_equal(image.pixels, pixels(bits))
    plain = make_film(pixels(bits), BitsStored=bits, HighBit=bits - 1)
    assert image.pixel_sha256 == decode(plain, Limits()).pixel_sha256


def test_a_film_that_was_compressed_with_loss_is_nearly_the_same() -> None:
    """White that comes back a little whiter than the film's 12 bits, for the codestream has 16, is white."""
    image = decode(film(sample("lossy-12.jph"), 12, HTJ2K), Limits())
    assert 0 < np.abs(image.pixels - pixels(12)).max() < 40


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_a_torn_codestream_is_refused(kept: float) -> None:
    whole = sample("lossless-12.jph")
    with pytest.raises(UndecodableError):
        decode(film(whole[: int(len(whole) * kept)], 12, HTJ2KLossless), Limits())
