from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from service.demo.phantom import attenuation
from service.demo.scanner import NORTH, NORTH_MOBILE, REPLACEMENT, SOUTH, Scanner, expose
from tests.demo.builders import make_chest

PLAIN = replace(NORTH, blur=0.3, sharpening=0.0, gamma=1.0)


def _exposed(scanner: Scanner, dose: float = 1.0, level: float = 0.7) -> NDArray[np.float64]:
    return expose(np.full((144, 144), level, np.float32), scanner, dose, np.random.default_rng(1)).astype(float)


def test_a_film_has_twelve_bits_and_uses_them() -> None:
    for scanner in (NORTH, SOUTH, NORTH_MOBILE, REPLACEMENT):
        film = expose(attenuation(make_chest(), np.random.default_rng(1)), scanner, 1.0, np.random.default_rng(2))
        assert film.dtype == np.uint16
        assert film.max() <= 4095
        assert np.percentile(film, 99) - np.percentile(film, 1) > 2000


def test_four_times_the_dose_halves_the_noise() -> None:
    ratio = _exposed(PLAIN).std() / _exposed(PLAIN, dose=4.0).std()
    assert 1.9 < ratio < 2.1


def test_dense_tissue_is_noisier_than_lung() -> None:
    assert _exposed(PLAIN, level=1.2).std() > 1.3 * _exposed(PLAIN, level=0.5).std()


def test_blur_takes_noise_and_edges_away() -> None:
    assert _exposed(replace(PLAIN, blur=1.5)).std() < 0.5 * _exposed(PLAIN).std()
