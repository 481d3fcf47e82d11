"""The same film is the same film, however it is written."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
import pytest
from pydicom import dcmread, dcmwrite, uid
from pydicom.encaps import encapsulate

from service.gateway.limits import Limits
from service.gateway.preprocess import preprocess
from service.gateway.statistics import image_statistics
from service.models.manifest import Preprocessing
from tests.films import make_dataset, make_film, phantom, write_film
from tests.gateway.corpus import shipped
from tests.gateway.decoding import decode

LOSSLESS = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEG2000Lossless,
    uid.JPEGLSLossless,
)
PREPROCESSING = Preprocessing(rows=64, columns=64, mean=0.5, std=0.25)


def data_set_start(film: bytes) -> int:
    """Where the data set begins, by the group length of the meta information."""
    return 144 + int.from_bytes(film[140:144], "little")


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_film_has_one_digest_in_every_lossless_syntax(syntax: uid.UID, dtype: type[Any]) -> None:
    stored = phantom(97, 81, bits=8).astype(dtype)  # odd sizes: the padding byte of 8-bit films counts for nothing
    image = decode(make_film(stored, syntax=syntax), Limits())
    assert image.pixel_sha256 == decode(make_film(stored), Limits()).pixel_sha256
    np.testing.assert_array_equal(image.pixels, stored)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_a_signed_film_has_one_digest_in_every_lossless_syntax(syntax: uid.UID) -> None:
    stored = phantom().astype(np.int16) - 2048
    film = make_film(stored.view(np.uint16), syntax=syntax, PixelRepresentation=1, BitsStored=16, HighBit=15)
    image = decode(film, Limits())
    np.testing.assert_array_equal(image.pixels, stored)
    plain = make_film(stored.view(np.uint16), PixelRepresentation=1, BitsStored=16, HighBit=15)
    assert image.pixel_sha256 == decode(plain, Limits()).pixel_sha256


def test_a_film_written_dark_on_bright_is_the_same_film() -> None:
    bright = decode(make_film(phantom()), Limits())
    inverted = (4095 - phantom()).astype(np.uint16)
    dark = decode(make_film(inverted, PhotometricInterpretation="MONOCHROME1"), Limits())
    assert dark.pixel_sha256 == bright.pixel_sha256
    np.testing.assert_array_equal(dark.pixels, bright.pixels)
    assert decode(make_film(inverted), Limits()).pixel_sha256 != bright.pixel_sha256


def test_another_shape_or_one_other_pixel_is_another_film() -> None:
    film = phantom(64, 48)
    other = film.copy()
    other[5, 5] ^= 1
    digests = {decode(make_film(pixels), Limits()).pixel_sha256 for pixels in (film, other, film.reshape(48, 64))}
    assert len(digests) == 3


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_the_philips_chest_film_feeds_the_model_the_same_numbers_in_every_lossless_syntax(syntax: uid.UID) -> None:
    body = shipped("RG1_UNCR.dcm").read_bytes()
    image = decode(write_film(dcmread(BytesIO(body)), syntax), Limits())
    original = decode(body, Limits())
    assert image.pixel_sha256 == original.pixel_sha256
    np.testing.assert_array_equal(preprocess(image, PREPROCESSING), preprocess(original, PREPROCESSING))
    assert image_statistics(image) == image_statistics(original)


@pytest.mark.parametrize("syntax", [uid.JPEG2000, uid.JPEGLSNearLossless], ids=lambda syntax: syntax.name)
def test_a_lossy_film_is_nearly_the_same_film(syntax: uid.UID) -> None:
    encoder = {"j2k_cr": [4]} if syntax == uid.JPEG2000 else {"jls_error": 4}
    lossy = decode(write_film(make_dataset(), syntax, **encoder), Limits())
    plain = decode(make_film(), Limits())
    assert lossy.pixel_sha256 != plain.pixel_sha256
    assert np.abs(preprocess(lossy, PREPROCESSING) - preprocess(plain, PREPROCESSING)).max() < 0.1


def test_baseline_jpeg_is_read_as_another_decoder_reads_it() -> None:
    stored = phantom(96, 80, bits=8).astype(np.uint8)
    file = BytesIO()
    PIL.Image.fromarray(stored).save(file, "JPEG", quality=90)
    dataset = make_dataset(stored, PixelData=encapsulate([file.getvalue()]))
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    body = BytesIO()
    dcmwrite(body, dataset, enforce_file_format=True)
    difference = decode(body.getvalue(), Limits()).pixels - np.asarray(PIL.Image.open(file), np.float32)
    assert np.abs(difference).max() <= 1


def test_eight_bit_pixels_in_big_endian_words_are_put_in_order() -> None:
    stored = phantom(33, 31, bits=8).astype(np.uint8)
    words = np.frombuffer(stored.tobytes() + b"\0", "<u2").astype(">u2").tobytes()
    dataset = make_dataset(stored, PixelData=words)
    dataset["PixelData"].VR = "OW"
    np.testing.assert_array_equal(decode(write_film(dataset, uid.ExplicitVRBigEndian), Limits()).pixels, stored)


def test_a_preamble_that_is_not_empty_is_fine() -> None:
    film = make_film()
    assert decode(b"II*\0" + film[4:], Limits()).pixel_sha256 == decode(film, Limits()).pixel_sha256


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_a_bare_data_set_is_read_by_what_it_looks_like(syntax: uid.UID) -> None:
    film = make_film(syntax=syntax)
    bare = film[data_set_start(film) :]
    assert decode(bare, Limits()).pixel_sha256 == decode(film, Limits()).pixel_sha256
    assert decode(film[132:], Limits()).pixel_sha256 == decode(film, Limits()).pixel_sha256


def test_meta_information_with_a_wrong_group_length_is_walked_over() -> None:
    film = bytearray(make_film())
    film[140:144] = (9999).to_bytes(4, "little")
    assert decode(bytes(film), Limits()).pixel_sha256 == decode(make_film(), Limits()).pixel_sha256


def test_what_is_written_counts_not_what_the_transfer_syntax_promised() -> None:
    explicit, implicit = make_film(), make_film(syntax=uid.ImplicitVRLittleEndian)
    promised = explicit[: data_set_start(explicit)] + implicit[data_set_start(implicit) :]
    assert decode(promised, Limits()).pixel_sha256 == decode(implicit, Limits()).pixel_sha256


def test_a_deflated_film_may_end_in_a_padding_byte() -> None:
    film = make_film(syntax=uid.DeflatedExplicitVRLittleEndian)
    assert decode(film + b"\0", Limits()).pixel_sha256 == decode(make_film(), Limits()).pixel_sha256


def test_a_deflated_film_that_stops_early_is_torn() -> None:
    film = make_film(syntax=uid.DeflatedExplicitVRLittleEndian)
    start = data_set_start(film)
    assert len(zlib.decompress(film[start:], -15)) > len(film) - start
    with pytest.raises(Exception, match=r"end of the body|pixel data|inflated"):
        decode(film[: start + (len(film) - start) // 2], Limits())


def test_fragments_of_one_frame_are_put_together() -> None:
    dataset = make_dataset()
    body = write_film(dataset, uid.JPEGLSLossless)
    frame = dcmread(BytesIO(body)).PixelData
    start = frame.index(b"\xff\xd8")
    length = int.from_bytes(frame[start - 4 : start], "little")
    first, second = frame[start : start + 100], frame[start + 100 : start + length]
    item = b"\xfe\xff\x00\xe0"
    pieces = b"".join(item + len(part).to_bytes(4, "little") + part for part in (first, second))
    torn = body.replace(frame[start - 8 : start + length], pieces)
    assert torn != body
    assert decode(torn, Limits()).pixel_sha256 == decode(body, Limits()).pixel_sha256
