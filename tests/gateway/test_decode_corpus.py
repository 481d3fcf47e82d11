"""Real files, whole and broken: each is read as pydicom reads it, or refused by a domain error; nothing else ever happens."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.pixels.processing import apply_modality_lut

from service.domain import Image
from service.errors import NoPixelsError, OutOfScopeError, StepwedgeError, UndecodableError
from service.gateway.attributes import word_of
from service.gateway.limits import Limits
from tests.gateway.corpus import as_pydicom_reads, shipped, shipped_files
from tests.gateway.decoding import decode

FILES = shipped_files()
FILMS = (
    "RG1_UNCR.dcm",
    "RG1_J2KI.dcm",
    "RG3_UNCR.dcm",
    "RG3_J2KR.dcm",
    "MR2_J2KI.dcm",
    "mlut_18.dcm",
    "vlut_04.dcm",
    "CT_small.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "JPEG-LL.dcm",
    "JPEG2000.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR-SIEMENS-DICOM-WithOverlays.dcm",
    "bad_sequence.dcm",
    "explicit_VR-UN.dcm",
    "examples_overlay.dcm",
    "image_dfl.dcm",
)


def outcome(body: bytes) -> Image | StepwedgeError:
    try:
        return decode(body, Limits())
    except StepwedgeError as error:
        return error


def test_the_packages_ship_the_files_that_these_tests_are_about() -> None:
    assert len(FILES) > 200
    assert set(FILMS) <= {path.name for path in FILES}


@cache
def is_film(path: Path) -> bool:
    """Whether the file is decoded; checks what is decoded on the way."""
    result = outcome(path.read_bytes())
    if isinstance(result, StepwedgeError):
        return False
    assert np.isfinite(result.pixels).all()
    assert result.span[0] - 1e-3 <= result.pixels.min() <= result.pixels.max() <= result.span[1] + 1e-3
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_shipped_file_is_decoded_or_refused_and_nothing_else(path: Path) -> None:
    is_film(path)  # raises what is no refusal


def test_a_good_share_of_the_shipped_files_are_films_for_us() -> None:
    assert sum(map(is_film, FILES)) >= 80


@pytest.mark.parametrize("name", FILMS)
def test_pixels_are_those_that_pydicom_reads(name: str) -> None:
    image = decode(shipped(name).read_bytes(), Limits())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom complains of what is odd in its own files
        dataset = as_pydicom_reads(shipped(name))
        expected = apply_modality_lut(dataset.pixel_array, dataset).astype(np.float64)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        expected = sum(image.span) - expected
    np.testing.assert_allclose(image.pixels, expected, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("name", ["693_UNCI.dcm", "693_J2KR.dcm"])
def test_padding_is_darker_than_the_film_and_all_else_is_as_pydicom_reads_it(name: str) -> None:
    image = decode(shipped(name).read_bytes(), Limits())
    dataset = as_pydicom_reads(shipped(name))
    stored = dataset.pixel_array
    padded = stored == dataset.PixelPaddingValue
    assert padded.any()
    np.testing.assert_array_equal(image.pixels[~padded], apply_modality_lut(stored, dataset)[~padded])
    assert set(image.pixels[padded]) == {image.pixels[~padded].min()}


def test_twelve_bit_jpeg_is_read_within_the_loss_of_its_compression() -> None:
    lossy = decode(shipped("JPEG-lossy.dcm").read_bytes(), Limits()).pixels
    lossless = decode(shipped("JPEG-LL.dcm").read_bytes(), Limits()).pixels
    assert np.corrcoef(lossy.ravel(), lossless.ravel())[0, 1] > 0.98


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("rtplan.dcm", OutOfScopeError),
        ("DICOMDIR", NoPixelsError),
        ("test-SR.dcm", OutOfScopeError),
        ("liver.dcm", OutOfScopeError),
        ("SC_rgb.dcm", OutOfScopeError),
        ("OT-PAL-8-face.dcm", OutOfScopeError),
        ("rtdose_1frame.dcm", OutOfScopeError),
        ("MR_truncated.dcm", UndecodableError),
        ("MR_small_padded.dcm", UndecodableError),
        ("README.txt", UndecodableError),
        ("JPEG2000-embedded-sequence-delimiter.dcm", UndecodableError),
    ],
)
def test_what_is_no_film_is_refused_by_its_reason(name: str, error: type[StepwedgeError]) -> None:
    for path in FILES:
        if path.name == name:
            assert type(outcome(path.read_bytes())) is error


@pytest.mark.parametrize("name", FILMS)
def test_attributes_say_what_pydicom_reads(name: str) -> None:
    attributes = decode(shipped(name).read_bytes(), Limits()).attributes
    dataset = as_pydicom_reads(shipped(name))
    for keyword in ("Rows", "Columns", "BitsStored", "KVP", "ExposureTime", "WindowCenter"):
        value = dataset.get(keyword)
        first = value[0] if isinstance(value, list) or hasattr(value, "append") else value
        assert attributes[keyword] == (None if first in (None, "") else float(first))
    for keyword in ("Manufacturer", "Modality", "BodyPartExamined"):
        assert tag_for_keyword(keyword) is not None
        assert attributes[keyword] == word_of(keyword, str(dataset.get(keyword) or ""))


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "explicit_VR-UN.dcm"])
def test_identity_is_what_pydicom_reads(name: str) -> None:
    identity = decode(shipped(name).read_bytes(), Limits()).identity
    dataset = as_pydicom_reads(shipped(name))
    assert identity.patient == (str(dataset.get("PatientID", "")) or None)
    assert identity.study == (str(dataset.get("StudyInstanceUID", "")) or None)
    assert identity.instance == (str(dataset.get("SOPInstanceUID", "")) or None)


def test_the_philips_chest_film_is_the_same_film_uncompressed_and_as_jpeg_2000() -> None:
    plain, packed = (decode(shipped(name).read_bytes(), Limits()) for name in ("RG1_UNCR.dcm", "RG1_J2KR.dcm"))
    assert plain.pixel_sha256 == packed.pixel_sha256
    assert plain.input_sha256 != packed.input_sha256
    assert (plain.attributes["Modality"], plain.attributes["BodyPartExamined"], plain.attributes["ViewPosition"]) == ("CR", "CHEST", "PA")
