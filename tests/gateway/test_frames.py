"""Several frames in one instance: refused, or the one that the manifest names is read and no other."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread, uid
from pydicom.encaps import encapsulate, generate_frames

from service.errors import OutOfScopeError, UndecodableError
from service.gateway.limits import Limits
from service.models.manifest import Accepts
from tests.films import make_dataset, make_film, phantom, write_film
from tests.gateway.corpus import shipped
from tests.gateway.decoding import decode
from tests.gateway.hostile import encapsulated, film_of

FRAMES = 5
NATIVE = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian)
PACKED = (uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGLSLossless)


def frame(number: int, bits: int = 12) -> NDArray[np.uint16]:
    return phantom(65, 63, bits=bits, seed=number)


def series(syntax: str, dtype: type[Any] = np.uint16, **attributes: object) -> bytes:
    """An instance of FRAMES frames of odd size."""
    frames = np.stack([frame(number, 8 if dtype is np.uint8 else 12).astype(dtype) for number in range(FRAMES)])
    dataset = make_dataset(frames[0], NumberOfFrames=FRAMES, **attributes)
    data = frames.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    return write_film(dataset, syntax)


def read(body: bytes, which: Literal["single", "first", "middle"]) -> NDArray[np.float32]:
    return decode(body, Limits(), accepts=Accepts(frames=which)).pixels


@pytest.mark.parametrize("syntax", [*NATIVE, *PACKED], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_frame_that_the_manifest_names_is_read(syntax: uid.UID, dtype: type[Any]) -> None:
    if syntax == uid.ExplicitVRBigEndian and dtype is np.uint8:
        pytest.skip("pydicom writes bytes here as they are")
    body, bits = series(syntax, dtype), 8 if dtype is np.uint8 else 12
    np.testing.assert_array_equal(read(body, "first"), frame(0, bits))
    np.testing.assert_array_equal(read(body, "middle"), frame(FRAMES // 2, bits))
    with pytest.raises(OutOfScopeError) as refusal:
        read(body, "single")
    assert refusal.value.attribute == "frames"


def test_the_same_frame_in_another_syntax_is_the_same_film() -> None:
    of = {decode(series(syntax), Limits(), accepts=Accepts(frames="middle")).pixel_sha256 for syntax in (*NATIVE, *PACKED)}
    assert of == {decode(make_film(frame(2)), Limits()).pixel_sha256}


@pytest.mark.parametrize("which", ["single", "first", "middle"])
def test_an_only_frame_is_read_whatever_the_manifest_says(which: Literal["single", "first", "middle"]) -> None:
    np.testing.assert_array_equal(read(make_film(), which), phantom())


def split(frames: list[bytes], *, table: bool) -> bytes:
    dataset = make_dataset(frame(0), NumberOfFrames=len(frames))
    dataset.PixelData = encapsulate(frames, fragments_per_frame=2, has_bot=table)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = uid.JPEGLSLossless
    return write_film_as_it_is(dataset)


def write_film_as_it_is(dataset: Any) -> bytes:
    body = BytesIO()
    dataset.save_as(body, enforce_file_format=True)
    return body.getvalue()


def codestreams() -> list[bytes]:
    """Three frames, each a whole codestream."""
    packed = dcmread(BytesIO(series(uid.JPEGLSLossless))).PixelData
    return list(generate_frames(packed, number_of_frames=FRAMES))[:3]


def test_frames_of_several_fragments_are_told_apart_by_the_offset_table() -> None:
    np.testing.assert_array_equal(read(split(codestreams(), table=True), "middle"), frame(1))


def test_frames_of_several_fragments_without_a_table_cannot_be_told_apart() -> None:
    with pytest.raises(UndecodableError):
        read(split(codestreams(), table=False), "middle")


@pytest.mark.parametrize("offsets", [(0, 9, 18), (8, 0, 0), (0, 0xFFFFFFF0, 3), (0, 0, 0), (0, 24, 12)])
def test_an_offset_table_that_lies_is_refused(offsets: tuple[int, ...]) -> None:
    table = np.array(offsets, "<u4").tobytes()
    body = film_of(frames=3, pixels=encapsulated(b"1234", b"5678", b"90ab", b"cdef", table=table), syntax=uid.JPEGLSLossless)
    with pytest.raises(UndecodableError):
        read(body, "middle")


def test_functional_groups_hide_the_rescale_and_are_refused() -> None:
    for name in ("liver_expb_1frame.dcm", "eCT_Supplemental.dcm"):
        try:
            path = shipped(name)
        except ValueError:
            continue
        with pytest.raises(OutOfScopeError):
            read(path.read_bytes(), "first")


def test_real_series_of_frames_are_read() -> None:
    assert read(shipped("emri_small_RLE.dcm").read_bytes(), "middle").shape == (64, 64)
