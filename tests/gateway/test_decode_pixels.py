"""From stored words to what they mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from service.errors import UndecodableError
from service.gateway.limits import Limits
from tests.films import make_dataset, make_film, phantom, write_film
from tests.gateway.decoding import decode

RAMP = np.arange(16 * 16, dtype=np.uint16).reshape(16, 16)


def lut_item(entries: list[int], *, first: int = 0, bits: int = 12, signed: bool = False, vr: str = "US") -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else "US", [len(entries) % 65536, first, bits])
    item.add_new(0x00283006, vr, entries if vr == "US" else np.asarray(entries, "<u2").tobytes())
    item.ModalityLUTType = "US"
    return item


def test_rescale_slope_and_intercept_give_the_meaning_and_the_span() -> None:
    image = decode(make_film(RAMP, RescaleSlope="0.5", RescaleIntercept="-100"), Limits())
    np.testing.assert_allclose(image.pixels, RAMP * 0.5 - 100)
    assert image.span == (-100.0, 4095 * 0.5 - 100)


def test_a_negative_slope_turns_the_film_over() -> None:
    image = decode(make_film(RAMP, RescaleSlope="-1", RescaleIntercept="4095"), Limits())
    np.testing.assert_allclose(image.pixels, 4095.0 - RAMP)
    assert image.span == (0.0, 4095.0)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_modality_lut_replaces_values_and_holds_its_ends(syntax: str) -> None:
    entries = [4 * value for value in range(100)]
    image = decode(make_film(RAMP, syntax=syntax, ModalityLUTSequence=[lut_item(entries, first=50)]), Limits())
    np.testing.assert_array_equal(image.pixels, np.clip(RAMP.astype(int) - 50, 0, 99) * 4)
    assert image.span == (0.0, 4095.0)


def test_a_lut_of_a_signed_film_may_start_below_zero() -> None:
    stored = (RAMP.astype(np.int16) - np.int16(128)).view(np.uint16)
    film = make_film(
        stored, PixelRepresentation=1, BitsStored=16, HighBit=15, ModalityLUTSequence=[lut_item(list(range(256)), first=-128, signed=True)]
    )
    np.testing.assert_array_equal(decode(film, Limits()).pixels, RAMP)


def test_lut_data_may_be_words_or_numbers() -> None:
    entries = [3 * value for value in range(256)]
    images = [decode(make_film(RAMP, ModalityLUTSequence=[lut_item(entries, vr=vr)]), Limits()) for vr in ("US", "OW")]
    np.testing.assert_array_equal(images[0].pixels, images[1].pixels)


@pytest.mark.parametrize(
    "item",
    [lut_item([1, 2, 3], bits=40), lut_item([5000, 1], bits=12), lut_item([], bits=12), Dataset()],
    ids=["impossible depth", "entry above its bits", "65536 promised, none there", "empty item"],
)
def test_a_broken_lut_is_refused_not_guessed(item: Dataset) -> None:
    with pytest.raises(UndecodableError):
        decode(make_film(RAMP, ModalityLUTSequence=[item]), Limits())


def test_an_empty_lut_sequence_is_none() -> None:
    assert decode(make_film(RAMP, ModalityLUTSequence=[], RescaleSlope="2"), Limits()).pixels.max() == 2 * RAMP.max()


@pytest.mark.parametrize("slope", ["0", "1e300", "1e-300"])
def test_a_slope_that_leaves_nothing_to_see_is_refused(slope: str) -> None:
    with pytest.raises(UndecodableError):
        decode(make_film(RAMP, RescaleSlope=slope), Limits())


def test_bits_above_and_below_the_stored_ones_are_dropped() -> None:
    words = (phantom() << 2) | np.uint16(0b1100_0000_0000_0011)
    image = decode(make_film(words, BitsStored=12, HighBit=13), Limits())
    np.testing.assert_array_equal(image.pixels, phantom())
    assert image.pixel_sha256 == decode(make_film(phantom()), Limits()).pixel_sha256


def test_a_sign_bit_counts_where_it_is_stored() -> None:
    values = RAMP.astype(np.int16) - 128
    words = (values.view(np.uint16) & np.uint16(0x0FFF)) | np.uint16(0x5000)
    image = decode(make_film(words, PixelRepresentation=1), Limits())
    np.testing.assert_array_equal(image.pixels, values)
    assert image.span == (-2048.0, 2047.0)


def test_padding_takes_the_darkest_value_of_the_film() -> None:
    stored = RAMP + np.uint16(1000)
    stored[:4] = 0
    stored[4:6] = 4095
    image = decode(make_film(stored, PixelPaddingValue=0), Limits())
    assert set(image.pixels[:4].ravel()) == {stored[4:].min()}
    limited = decode(make_film(stored, PixelPaddingValue=4090, PixelPaddingRangeLimit=4095), Limits())
    assert set(limited.pixels[4:6].ravel()) == {0.0}


def test_padding_of_a_film_written_dark_on_bright_is_dark_too() -> None:
    stored = RAMP + np.uint16(1000)
    stored[:4] = 0
    image = decode(make_film(stored, PixelPaddingValue=0, PhotometricInterpretation="MONOCHROME1"), Limits())
    assert set(image.pixels[:4].ravel()) == {4095.0 - stored.max()}


def test_padding_that_cannot_occur_and_a_film_of_padding_alone_change_nothing() -> None:
    np.testing.assert_array_equal(decode(make_film(RAMP, PixelPaddingValue=65535), Limits()).pixels, RAMP)
    blank = np.full((8, 8), 7, np.uint16)
    np.testing.assert_array_equal(decode(make_film(blank, PixelPaddingValue=7), Limits()).pixels, blank)


def test_the_digest_knows_nothing_of_padding_and_rescale() -> None:
    plain = decode(make_film(RAMP), Limits()).pixel_sha256
    assert decode(make_film(RAMP, PixelPaddingValue=0, RescaleSlope="2"), Limits()).pixel_sha256 == plain


@pytest.mark.parametrize(
    "attributes",
    [{"BitsStored": 0}, {"BitsStored": 17}, {"HighBit": 3}, {"HighBit": 16}, {"BitsStored": 16, "HighBit": 11}],
    ids=str,
)
def test_bits_that_contradict_each_other_are_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(UndecodableError):
        decode(make_film(RAMP, **attributes), Limits())


def test_bits_that_are_not_said_are_all_of_them() -> None:
    image = decode(write_film(make_dataset(RAMP, BitsStored=None, HighBit=None, SamplesPerPixel=None)), Limits())
    np.testing.assert_array_equal(image.pixels, RAMP)
    assert image.span == (0.0, 65535.0)
