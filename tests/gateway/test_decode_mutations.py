"""Real films with bytes changed, cut and moved: decoded or refused, never anything else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from service.domain import Image
from service.errors import StepwedgeError
from service.gateway.isolation import CodecPool
from service.gateway.limits import Limits
from service.gateway.statistics import image_statistics
from tests.films import make_film, phantom
from tests.gateway.corpus import shipped
from tests.gateway.decoding import decode

SMALL = Limits(body_bytes=1 << 20, pixels=1 << 20)
HEADER = 2048
"""Where mutations do the most: what comes later is mostly pixels."""

IN_PROCESS = ("CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "nested_priv_SQ.dcm", "mlut_18.dcm", "693_UNCI.dcm")
PACKED = ("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPEG-LL.dcm", "JPGExtended.dcm", "MR_small_RLE.dcm")


@cache
def films() -> tuple[bytes, ...]:
    synthetic = (make_film(phantom(40, 36), syntax=syntax) for syntax in (DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian))
    return (*(shipped(name).read_bytes() for name in IN_PROCESS), *synthetic)


@cache
def packed_films() -> tuple[bytes, ...]:
    synthetic = (make_film(phantom(40, 36), syntax=syntax) for syntax in (JPEG2000Lossless, JPEGLSLossless, RLELossless))
    return (*(shipped(name).read_bytes() for name in PACKED), *synthetic)


@st.composite
def mutations(draw: st.DrawFn, films: tuple[bytes, ...]) -> bytes:
    """A film with a few bytes, lengths or stretches changed."""
    body = bytearray(draw(st.sampled_from(films)))
    reach = len(body) - 1 if draw(st.booleans()) else min(HEADER, len(body) - 1)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, reach))
        match draw(st.sampled_from(("flip", "length", "cut", "repeat", "noise"))):
            case "flip":
                body[at] ^= draw(st.integers(1, 255))
            case "length":
                body[at : at + 4] = draw(st.sampled_from((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xfe\xff\xff\x7f", b"\x01\0\0\0")))
            case "cut":
                del body[at : at + draw(st.integers(1, 64))]
            case "repeat":
                body[at:at] = body[at : at + draw(st.integers(1, 64))]
            case "noise":
                body[at : at + 8] = draw(st.binary(min_size=8, max_size=8))
        reach = min(reach, max(len(body) - 1, 0))
        if len(body) < 16:
            break
    return bytes(body)


def check(image: Image) -> None:
    assert image.pixels.dtype == np.float32
    assert np.isfinite(image.pixels).all()
    assert all(np.isfinite(value) for value in image_statistics(image).values())
    assert all(value is None or isinstance(value, str) or np.isfinite(value) for value in image.attributes.values())


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.deferred(lambda: mutations(films())))
def test_a_mutated_film_is_decoded_or_refused(body: bytes) -> None:
    try:
        image = decode(body, SMALL)
    except StepwedgeError:
        return
    check(image)


@pytest.fixture(scope="module")
def pool() -> Iterator[CodecPool]:
    with CodecPool(seconds=2) as pool:
        yield pool


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.deferred(lambda: mutations(packed_films())))
def test_a_mutated_compressed_film_is_decoded_or_refused_whatever_its_codec_does(pool: CodecPool, body: bytes) -> None:
    try:
        image = decode(body, SMALL, pool)
    except StepwedgeError:
        return
    check(image)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=512), st.sampled_from((b"", b"\0" * 128 + b"DICM", b"\x08\x00", b"\x02\x00\x10\x00UI")))
def test_noise_is_refused(noise: bytes, beginning: bytes) -> None:
    with pytest.raises(StepwedgeError):
        decode(beginning + noise, SMALL)
