"""What a hostile body may cost: a refusal, some milliseconds, and no memory."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from service.errors import NoPixelsError, OutOfScopeError, StepwedgeError, TooLargeError, UndecodableError, UnsupportedSyntaxError
from service.gateway.limits import Limits
from tests.films import NAMES, make_dataset, make_film, phantom, write_film
from tests.gateway.decoding import decode
from tests.gateway.hostile import UNDEFINED, deflate_bomb, element, encapsulated, film_of, item, native, nested_sequences, part10, rle_bomb

MEGABYTE = 1 << 20
ROOT = Path(__file__).resolve().parents[2]
WHOLE = native(b"\0" * 128)


def peak_of_refusal(body: bytes, error: type[StepwedgeError], limits: Limits | None = None) -> int:
    """Bytes that Python and numpy held at most while refusing."""
    tracemalloc.start()
    try:
        with pytest.raises(error):
            decode(body, limits or Limits())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_least_film_is_a_film() -> None:
    assert decode(film_of(pixels=WHOLE), Limits()).pixels.shape == (8, 8)


def test_a_deflate_bomb_is_refused_without_inflating_it_into_memory() -> None:
    bomb = deflate_bomb(1 << 28)
    assert len(bomb) < MEGABYTE / 3
    assert peak_of_refusal(bomb, TooLargeError) < 8 * MEGABYTE


BOMBS = """
import sys
from service.errors import StepwedgeError
from tests.gateway.decoding import decode
from service.gateway.limits import Limits
from tests.gateway.hostile import deflate_bomb, film_of, native, rle_bomb

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])

bombs = [deflate_bomb(1 << 28), rle_bomb(64, 64, 1 << 20), film_of(rows=65535, columns=65535, pixels=native(bytes(128)))]
decode(film_of(pixels=native(bytes(128))), Limits())
before = peak()
for bomb in bombs:
    try:
        decode(bomb, Limits())
        sys.exit("decoded")
    except StepwedgeError:
        pass
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_bombs_leave_the_memory_of_a_process_flat() -> None:
    run = subprocess.run(
        [sys.executable, "-c", BOMBS], capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, "RUST_BACKTRACE": "0"}
    )
    assert int(run.stdout) < 16 * 1024  # KiB


def test_a_deflated_film_within_the_limit_is_read() -> None:
    film = make_film(np.zeros((512, 512), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    assert len(film) < 20_000
    assert decode(film, Limits(body_bytes=MEGABYTE)).pixels.shape == (512, 512)
    with pytest.raises(TooLargeError):
        decode(film, Limits(body_bytes=MEGABYTE // 2))


@pytest.mark.parametrize(
    ("rows", "columns", "frames", "samples"), [(65535, 65535, 1, 1), (65535, 1100, 1, 1), (4096, 4096, 9999, 1), (8192, 8192, 1, 3)]
)
@pytest.mark.parametrize("written", ["native", "packed"])
def test_a_film_that_declares_too_much_is_refused_before_anything_is_allocated(
    rows: int, columns: int, frames: int, samples: int, written: str
) -> None:
    pixels = encapsulated(b"\xff\x4f\xff\x51") if written == "packed" else WHOLE
    syntax = JPEG2000Lossless if written == "packed" else ImplicitVRLittleEndian
    body = film_of(rows=rows, columns=columns, frames=frames, samples=samples, pixels=pixels, syntax=syntax)
    assert peak_of_refusal(body, TooLargeError) < MEGABYTE


def test_a_body_over_the_limit_is_refused() -> None:
    with pytest.raises(TooLargeError):
        decode(make_film(), Limits(body_bytes=1024))


def test_an_rle_frame_that_runs_on_is_refused_without_writing_past_the_frame() -> None:
    assert peak_of_refusal(rle_bomb(64, 64, runs=2 * MEGABYTE), UndecodableError) < 24 * MEGABYTE


@pytest.mark.parametrize("depth", [17, 1_000, 100_000])
def test_deep_sequences_are_refused_without_recursion(depth: int) -> None:
    with pytest.raises((UndecodableError, TooLargeError)):
        decode(nested_sequences(depth), Limits())


def test_sequences_as_deep_as_real_ones_are_read() -> None:
    assert decode(nested_sequences(8), Limits()).pixel_sha256 == decode(make_film(), Limits()).pixel_sha256


@pytest.mark.parametrize(
    "flood", [element(0x00091001, b"CS", b""), element(0x00020003, b"UI", b""), item(b"")], ids=["private", "meta", "items"]
)
def test_a_flood_of_empty_elements_is_cut_off(flood: bytes) -> None:
    film = film_of(pixels=WHOLE)
    start = 132 if flood[:2] == b"\x02\x00" else 160
    opened = element(0x00081140, b"SQ", b"", length=UNDEFINED) if flood[:2] == b"\xfe\xff" else b""
    body = film[:start] + opened + flood * 200_000 + film[start:]
    with pytest.raises(TooLargeError):
        decode(body, Limits())


def test_a_flood_of_fragments_is_cut_off() -> None:
    with pytest.raises(TooLargeError):
        decode(film_of(pixels=encapsulated(*[b""] * 100_000), syntax=RLELossless), Limits())


@pytest.mark.parametrize("length", [0, 126, 130, 1 << 20, 0x7FFFFFFF, 0xFFFFFFFE])
def test_pixel_data_of_another_length_than_declared_are_refused(length: int) -> None:
    with pytest.raises(UndecodableError):
        decode(film_of(pixels=native(b"\0" * min(length, 1 << 20), length=length)), Limits())


def test_an_element_that_is_longer_than_the_body_is_refused() -> None:
    for lie in (element(0x00091001, b"UN", b"", length=0xFFFFFFF0), element(0x00091001, b"LO", b"", length=0xFFFF)):
        with pytest.raises(UndecodableError):
            decode(part10(lie), Limits())


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_film_cut_anywhere_is_refused(syntax: str) -> None:
    film = make_film(phantom(40, 36), syntax=syntax)
    for stop in {*range(0, 200, 3), *range(200, len(film) - 16, 101)}:
        with pytest.raises(StepwedgeError):
            decode(film[:stop], Limits())


@pytest.mark.parametrize(
    "body", [b"", b"\0", b"DICM", b"\0" * 132, b"\0" * 128 + b"DICM", b"GIF89a" * 100, b"{}" * 500, b"\x08\x00" * 3, b"\x02\x00" * 70]
)
def test_what_is_no_dicom_is_refused(body: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode(body, Limits())


def test_a_film_without_pixels_says_so() -> None:
    with pytest.raises(NoPixelsError):
        decode(make_film(PixelData=None), Limits())
    with pytest.raises(NoPixelsError):
        decode(make_film(PixelData=None, Rows=None), Limits())
    with pytest.raises(NoPixelsError):
        decode(film_of(pixels=encapsulated(), syntax=RLELossless), Limits())


@pytest.mark.parametrize("syntax", [MPEG2MPML, "1.2.840.10008.1.2.4.110", "1.2.840.113619.5.2", "1.2.3.4"])
def test_a_transfer_syntax_that_is_not_read_is_named_as_the_reason(syntax: str) -> None:
    with pytest.raises(UnsupportedSyntaxError):
        decode(film_of(pixels=encapsulated(b"\0\0"), syntax=syntax), Limits())


def test_native_pixels_under_a_compressed_syntax_and_the_other_way_round_are_refused() -> None:
    with pytest.raises(UndecodableError):
        decode(film_of(pixels=WHOLE, syntax=RLELossless), Limits())
    with pytest.raises(UndecodableError):
        decode(film_of(pixels=encapsulated(b"\0" * 128)), Limits())


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_a_codestream_of_another_size_than_declared_is_refused(syntax: str) -> None:
    body = write_film(make_dataset(phantom(64, 64)), syntax)
    lie = body.replace(element(0x00280010, b"US", struct.pack("<H", 64)), element(0x00280010, b"US", struct.pack("<H", 63)))
    assert lie != body
    with pytest.raises(UndecodableError):
        decode(lie, Limits())


def test_a_jpeg_2000_header_that_lies_about_its_size_costs_nothing() -> None:
    siz = b"\xff\x4f\xff\x51" + struct.pack(">HH8IH", 41, 0, 60_000, 60_000, 0, 0, 60_000, 60_000, 0, 0, 1) + b"\x0f\x01\x01"
    body = film_of(pixels=encapsulated(siz), syntax=JPEG2000Lossless)
    assert peak_of_refusal(body, UndecodableError) < MEGABYTE


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8", b"\xff\xd8\xff\xc0\x00\x0b", b"\xff\xd8" + b"\xff" * 1000, b"\xff\x4f\xff\x51", b"\xff\xd8\xff\xe0\x00\x00" * 9],
)
@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_a_codestream_that_stops_or_never_starts_is_refused(data: bytes, syntax: str) -> None:
    with pytest.raises(UndecodableError):
        decode(film_of(pixels=encapsulated(data, b"\0\0"), syntax=syntax), Limits())


@pytest.mark.parametrize(
    "attributes",
    [{"NumberOfFrames": 2}, {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, {"PhotometricInterpretation": "PALETTE COLOR"}, {"PhotometricInterpretation": None}, {"BitsAllocated": 32}, {"BitsAllocated": 1}],
    ids=str,
)  # fmt: skip
def test_what_is_not_one_grey_frame_is_out_of_scope(attributes: dict[str, Any]) -> None:
    with pytest.raises(OutOfScopeError):
        decode(write_film(make_dataset(**attributes)), Limits())


def test_an_attribute_that_is_said_twice_is_refused() -> None:
    film = film_of(pixels=WHOLE)
    body = film.replace(element(0x00080060, b"CS", b"DX"), element(0x00080060, b"CS", b"DX") + element(0x00080060, b"CS", b"CR"))
    with pytest.raises(UndecodableError):
        decode(body, Limits())


@pytest.mark.parametrize("frames", [b"1A", b"-3", b"1e9999", b"\xff\xff"])
def test_a_number_of_frames_that_is_no_number_is_refused(frames: bytes) -> None:
    body = film_of(pixels=WHOLE).replace(element(0x00280008, b"IS", b"1     "), element(0x00280008, b"IS", frames))
    with pytest.raises(UndecodableError):
        decode(body, Limits())


def test_no_refusal_repeats_anything_of_the_film() -> None:
    film = make_film()
    for stop in range(0, len(film), 97):
        with pytest.raises(StepwedgeError) as refusal:
            decode(film[:stop], Limits())
        assert not any(name in f"{refusal.value!r} {refusal.value.__cause__!r}" for name in NAMES)
