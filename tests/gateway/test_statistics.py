"""Each statistic moves with what it is named for, and stays put for what it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from service.gateway.flags import statistic_flags
from service.gateway.statistics import image_statistics
from service.models.features import STATISTICS
from tests.films import phantom
from tests.gateway.images import make_image

SPAN = (0.0, 4095.0)
# Sharpness: the Laplacian has 64 times the energy of the pattern it likes best, over 20, and of 3 x 3 pixels one has a Laplacian.
RANGES = {"entropy": 6.0, "sharpness": 64 / 20 * 9, "noise": float("inf"), "spread": 0.5}


def of(pixels: NDArray[Any]) -> dict[str, float]:
    return dict(image_statistics(make_image(np.asarray(pixels), span=SPAN)))


def chest() -> NDArray[np.float64]:
    return phantom(600, 500).astype(np.float64)


@settings(deadline=None)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 70), st.integers(1, 70)), elements=st.floats(0, 4095, width=32)),
)
def test_every_film_has_every_statistic_finite_and_in_its_range(pixels: NDArray[np.float32]) -> None:
    statistics = of(pixels)
    assert tuple(statistics) == STATISTICS
    for name, value in statistics.items():
        assert 0.0 <= value <= RANGES.get(name, 1.0) + 1e-9


@pytest.mark.parametrize("value", [0, 1, 2000, 4095])
@pytest.mark.parametrize("shape", [(1, 1), (2, 700), (600, 500)])
def test_a_film_of_one_value_has_a_position_and_nothing_else(value: int, shape: tuple[int, int]) -> None:
    statistics = of(np.full(shape, value))
    for name in ("mean_level", "low_level", "median_level", "high_level"):
        assert statistics[name] == pytest.approx(value / 4095)
    for name in ("spread", "entropy", "sharpness", "noise", "asymmetry", "border_level"):
        assert statistics[name] == pytest.approx(0.0, abs=1e-9)


def test_brightness_moves_positions_and_no_shape() -> None:
    dark, bright = of(chest() * 0.5), of(chest() * 0.5 + 1500)
    assert bright["mean_level"] - dark["mean_level"] == pytest.approx(1500 / 4095, abs=1e-3)
    for name in ("spread", "entropy", "sharpness", "noise", "asymmetry", "border_level"):
        assert bright[name] == pytest.approx(dark[name], rel=0.02, abs=1e-3)


def test_grain_moves_noise_and_blur_moves_sharpness() -> None:
    rng = np.random.default_rng(2)
    film = chest()
    grainy = np.clip(film + rng.normal(0, 100, film.shape), 0, 4095)
    blurred = (film + np.roll(film, 1, 0) + np.roll(film, 1, 1) + np.roll(film, (1, 1), (0, 1))) / 4
    assert of(grainy)["noise"] > 2 * of(film)["noise"]
    assert of(blurred)["sharpness"] < 0.5 * of(film)["sharpness"]


def test_noise_is_the_standard_deviation_of_the_grain_in_window_widths() -> None:
    ramp = np.linspace(1000, 3000, 512)[None].repeat(512, 0)
    grain = np.random.default_rng(3).normal(0, 40, ramp.shape)
    assert of(ramp + grain)["noise"] == pytest.approx(40 / 1960, rel=0.05)


def test_white_noise_has_the_sharpness_of_one() -> None:
    assert of(np.random.default_rng(4).normal(2000, 200, (400, 400)))["sharpness"] == pytest.approx(1.0, rel=0.03)


def test_clipping_shows_at_its_end() -> None:
    film = chest()
    assert of(np.minimum(film * 3, 4095))["share_at_top"] > 0.3
    assert of(np.maximum(film * 3 - 8000, 0))["share_at_bottom"] > 0.3
    assert of(film * 0.5 + 100)["share_at_top"] == of(film * 0.5 + 100)["share_at_bottom"] == 0.0


def test_a_shutter_darkens_the_border_and_a_shift_breaks_the_symmetry() -> None:
    film = chest() * 0.5 + 1000
    shuttered = film.copy()
    shuttered[:60], shuttered[-60:], shuttered[:, :50], shuttered[:, -50:] = 0, 0, 0, 0
    assert of(shuttered)["border_level"] < 0.05 < of(film)["border_level"]
    assert of(np.roll(film, 120, axis=1))["asymmetry"] > 2 * of(film)["asymmetry"]


def test_a_flat_histogram_has_the_most_entropy() -> None:
    assert of(np.linspace(0, 4095, 300 * 300).reshape(300, 300))["entropy"] == pytest.approx(6.0, abs=0.05)
    assert of(np.where(np.indices((300, 300)).sum(0) % 2, 1000, 3000))["entropy"] == pytest.approx(1.0, abs=0.01)


def test_a_large_film_says_what_the_small_one_says() -> None:
    small, large = of(phantom(300, 250)), of(phantom(1200, 1000))
    for name in ("mean_level", "spread", "low_level", "median_level", "high_level", "entropy", "asymmetry", "border_level"):
        assert large[name] == pytest.approx(small[name], rel=0.05, abs=0.02)


def test_a_constant_film_and_a_saturated_one_are_flagged_and_an_ordinary_one_is_not() -> None:
    assert statistic_flags(of(np.full((50, 50), 700))) == ("constant",)
    assert statistic_flags(of(np.full((50, 50), 4095))) == ("constant", "saturated", "clipped")
    assert statistic_flags(of(np.where(chest() > 1500, 4095, chest()))) == ("saturated", "clipped")
    assert statistic_flags(of(np.where(chest() < np.quantile(chest(), 0.6), 0, chest()))) == ("saturated",)
    assert statistic_flags(of(np.where(chest() > np.quantile(chest(), 0.85), 4095, chest()))) == ("clipped",)
    assert statistic_flags(of(chest())) == ()
