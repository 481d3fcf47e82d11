"""What the model sees: the film's own window, area averages, and the numbers of its training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from service.gateway.preprocess import preprocess
from service.gateway.resize import area_average
from service.gateway.sample import in_order, percentile, sample_pixels
from service.models.manifest import Preprocessing
from tests.films import phantom
from tests.gateway.images import make_image

whole = st.integers(0, 70_000).map(float)
FULL = Preprocessing(rows=8, columns=8, low_percentile=0.0, high_percentile=100.0)


def overlaps(size: int, count: int) -> NDArray[np.float64]:
    """How much of each input pixel lies in each output pixel: the definition of an area average."""
    edges = np.linspace(0, size, count + 1)
    inside = np.minimum(edges[1:, None], np.arange(1, size + 1)) - np.maximum(edges[:-1, None], np.arange(size))
    weights: NDArray[np.float64] = np.maximum(inside, 0) / (size / count)
    return weights


@settings(deadline=None)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.floats(-1000, 1000, width=32)),
    st.integers(1, 50),
    st.integers(1, 50),
)
def test_a_resize_is_the_area_average_by_its_definition(pixels: NDArray[np.float32], rows: int, columns: int) -> None:
    expected = overlaps(pixels.shape[0], rows) @ pixels @ overlaps(pixels.shape[1], columns).T
    np.testing.assert_allclose(area_average(pixels, rows, columns), expected, atol=2e-2)


def test_a_fine_pattern_averages_out_instead_of_aliasing() -> None:
    stripes = np.indices((1000, 1000)).sum(0) % 2 * 1000.0
    averaged = area_average(stripes.astype(np.float32), 96, 96)
    assert np.abs(averaged - 500).max() < 10


def test_the_window_of_the_film_becomes_zero_to_one_then_the_training_scale() -> None:
    ramp = np.linspace(100, 300, 64)[None].repeat(64, 0)
    tensor = preprocess(make_image(ramp), FULL)
    assert (tensor.shape, tensor.dtype.name) == ((1, 8, 8), "float32")
    np.testing.assert_allclose(tensor[0, 0], (np.arange(8) + 0.5) / 8, atol=0.01)
    scaled = preprocess(make_image(ramp), FULL.model_copy(update={"mean": 0.5, "std": 0.25}))
    np.testing.assert_allclose(scaled, (tensor - 0.5) / 0.25, atol=1e-5)


def test_values_beyond_the_percentiles_are_held_at_the_window_before_they_are_averaged() -> None:
    film = np.linspace(1000, 2000, 10_000).reshape(100, 100)
    spoiled = film.copy()
    spoiled[0, :20] = 1e6
    window = Preprocessing(rows=8, columns=8, low_percentile=1.0, high_percentile=99.0)
    shift = preprocess(make_image(spoiled), window) - preprocess(make_image(film), window)
    assert 0.05 < np.abs(shift).max() < 0.1  # 12.5 of the 156 pixels of a corner are brightest instead of darkest


@settings(deadline=None)
@given(st.floats(0.1, 8), st.floats(-500, 500))
def test_exposure_and_offset_make_no_difference(gain: float, offset: float) -> None:
    film = phantom().astype(np.float32)
    usual = Preprocessing(rows=32, columns=32)
    np.testing.assert_allclose(
        preprocess(make_image(film * gain + offset), usual), preprocess(make_image(film), usual), atol=1e-3
    )  # fmt: skip


def test_a_film_of_one_value_is_all_zeros_before_the_training_scale() -> None:
    scaled = preprocess(make_image(np.full((50, 40), 700)), FULL.model_copy(update={"mean": 0.5, "std": 0.25}))
    np.testing.assert_array_equal(scaled, np.full((1, 8, 8), -2.0, np.float32))


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3, 5), (1500, 1200)])
def test_any_size_of_film_gives_the_size_of_the_model(shape: tuple[int, int]) -> None:
    tensor = preprocess(make_image(np.arange(np.prod(shape)).reshape(shape) % 4096), FULL)
    assert tensor.shape == (1, 8, 8)
    assert np.isfinite(tensor).all()
    assert tensor.flags.c_contiguous


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000))
def test_the_sample_is_bounded_and_visits_all_columns_alike(rows: int, columns: int) -> None:
    seen = sample_pixels(np.broadcast_to(np.arange(columns, dtype=np.float32), (rows, columns)))
    assert len(seen) == min(rows * columns, 65_521)
    assert seen.mean() == pytest.approx((columns - 1) / 2, rel=0.05, abs=1)


@pytest.mark.parametrize("period", range(2, 12))
def test_stripes_of_any_period_do_not_hide_from_the_sample(period: int) -> None:
    stripes = np.broadcast_to((np.arange(2000) % period == 0).astype(np.float32), (2500, 2000))
    assert sample_pixels(stripes).mean() == pytest.approx(1 / period, rel=0.1)


@settings(deadline=None)
@given(arrays.arrays(np.float32, st.integers(1, 300), elements=st.one_of(whole, st.floats(-1e6, 1e6, width=32))), st.floats(0, 100))
def test_the_sample_is_put_in_order_and_its_percentiles_are_those_of_numpy(values: NDArray[np.float32], share: float) -> None:
    np.testing.assert_array_equal(in_order(values), np.sort(values))
    assert percentile(in_order(values), share) == pytest.approx(np.percentile(values.astype(np.float64), share), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("highest", [1, 4095, 65535])
def test_whole_numbers_of_any_depth_are_put_in_order(highest: int) -> None:
    values = np.random.default_rng(5).integers(0, highest, 5000, endpoint=True).astype(np.float32)
    np.testing.assert_array_equal(in_order(values), np.sort(values))


@pytest.mark.parametrize(("shape", "rows"), [((600, 500), 64), ((600, 500), 100), ((600, 500), 600), ((40, 7000), 3)])
def test_a_resize_of_a_large_film_holds_its_pixels_as_if_it_were_held_whole(shape: tuple[int, int], rows: int) -> None:
    pixels = np.random.default_rng(6).normal(0, 100, shape).astype(np.float32)
    expected = area_average(np.clip(pixels, -50, 80), rows, 32)
    np.testing.assert_allclose(area_average(pixels, rows, 32, within=(-50, 80)), expected, atol=1e-3)


def test_preprocessing_leaves_the_image_as_it_was() -> None:
    image = make_image()
    before = image.pixels.copy()
    preprocess(image, FULL)
    np.testing.assert_array_equal(image.pixels, before)
