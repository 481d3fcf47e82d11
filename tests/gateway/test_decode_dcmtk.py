"""JPEG as another house writes it: dcmtk compresses, we read, and the film is the same film."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread, uid

from service.domain import Image
from service.gateway.isolation import CodecPool
from service.gateway.limits import Limits
from service.gateway.preprocess import preprocess
from service.models.manifest import Preprocessing
from tests.components import component
from tests.films import make_film, phantom
from tests.gateway.corpus import shipped
from tests.gateway.decoding import decode

PREPROCESSING = Preprocessing(rows=64, columns=64, mean=0.5, std=0.25)
LOSSLESS = {
    uid.JPEGLossless: ("dcmcjpeg", "+el"),
    uid.JPEGLosslessSV1: ("dcmcjpeg", "+e1"),
    uid.JPEGLSLossless: ("dcmcjpls", "+el"),
}
LOSSY = {
    uid.JPEGBaseline8Bit: ("dcmcjpeg", "+eb", "+q", "95"),
    uid.JPEGExtended12Bit: ("dcmcjpeg", "+ee", "+q", "95"),
    uid.JPEGLSNearLossless: ("dcmcjpls", "+en", "+md", "3"),
}


def grey(rows: int, columns: int, bits: int) -> bytes:
    stored = phantom(rows, columns, bits=bits)
    return make_film(stored.astype(np.uint8)) if bits == 8 else make_film(stored)


def written(film: bytes, command: tuple[str, ...], folder: Path) -> bytes:
    """The film as dcmtk compresses it."""
    (folder / "in.dcm").write_bytes(film)
    subprocess.run([component(command[0]), *command[1:], folder / "in.dcm", folder / "out.dcm"], check=True, capture_output=True)
    return (folder / "out.dcm").read_bytes()


def read(body: bytes, syntax: str) -> Image:
    assert dcmread(BytesIO(body), stop_before_pixels=True).file_meta.TransferSyntaxUID == syntax
    with CodecPool() as pool:
        return decode(body, Limits(), pool)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("bits", [8, 12])
def test_a_film_that_was_compressed_without_loss_is_the_same_film(syntax: uid.UID, bits: int, tmp_path: Path) -> None:
    film = grey(97, 81, bits)
    stored = phantom(97, 81, bits=bits)
    image = read(written(film, LOSSLESS[syntax], tmp_path), syntax)
    np.testing.assert_array_equal(image.pixels, stored)
    assert image.pixel_sha256 == decode(film, Limits()).pixel_sha256


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_the_philips_chest_film_is_the_same_film(syntax: uid.UID, tmp_path: Path) -> None:
    body = shipped("RG1_UNCR.dcm").read_bytes()
    image, original = read(written(body, LOSSLESS[syntax], tmp_path), syntax), decode(body, Limits())
    assert image.pixel_sha256 == original.pixel_sha256
    np.testing.assert_array_equal(preprocess(image, PREPROCESSING), preprocess(original, PREPROCESSING))


@pytest.mark.parametrize("syntax", LOSSY, ids=lambda syntax: syntax.name)
def test_a_film_that_was_compressed_with_loss_is_nearly_the_same(syntax: uid.UID, tmp_path: Path) -> None:
    bits = 8 if syntax == uid.JPEGBaseline8Bit else 12
    film = grey(96, 80, bits)
    image, original = read(written(film, LOSSY[syntax], tmp_path), syntax), decode(film, Limits())
    assert np.abs(preprocess(image, PREPROCESSING) - preprocess(original, PREPROCESSING)).max() < 0.15


@pytest.mark.parametrize("syntax", LOSSY, ids=lambda syntax: syntax.name)
def test_a_film_that_was_compressed_with_loss_is_what_dcmtk_makes_of_it(syntax: uid.UID, tmp_path: Path) -> None:
    """JPEG-LS is exact; of JPEG the standard lets two inverse transforms differ in the last bit."""
    film = grey(96, 80, 8 if syntax == uid.JPEGBaseline8Bit else 12)
    body = written(film, LOSSY[syntax], tmp_path)
    command = "dcmdjpls" if syntax == uid.JPEGLSNearLossless else "dcmdjpeg"
    subprocess.run([component(command), tmp_path / "out.dcm", tmp_path / "back.dcm"], check=True, capture_output=True)
    theirs = decode((tmp_path / "back.dcm").read_bytes(), Limits())
    apart = np.abs(read(body, syntax).pixels - theirs.pixels).max()
    assert apart <= (0 if syntax == uid.JPEGLSNearLossless else 1)
