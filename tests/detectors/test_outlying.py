"""A yardstick flags as many films of the reference's own kind as it says, and those that are of another kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.outlying import Yardstick
from detectors.packing import DecodeError

Draw = Callable[[int, int, np.random.Generator], NDArray[np.float64]]
CENTRES = np.random.default_rng(5).normal(size=(6, 64)) * 3.0
KINDS: dict[str, Draw] = {
    "normal": lambda n, d, rng: rng.normal(size=(n, d)),
    "heavy tails": lambda n, d, rng: rng.standard_t(5, size=(n, d)),
    "skewed": lambda n, d, rng: rng.lognormal(0.0, 0.5, size=(n, d)),
    "clusters": lambda n, d, rng: CENTRES[rng.integers(0, 6, n), :d] + rng.normal(size=(n, d)),
    "of many sizes": lambda n, d, rng: rng.normal(size=(n, d)) * np.exp(0.3 * rng.normal(size=(n, 1))),
}


def stick_of(rows: NDArray[np.float64]) -> Yardstick:
    stick = Yardstick.of(rows, np.arange(len(rows)) // 50)
    assert stick is not None
    return stick


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "dimensions"), [(400, 32), (4000, 64)])
def test_new_films_of_the_same_kind_are_flagged_about_as_rarely_as_stated(kind: str, n: int, dimensions: int) -> None:
    flagged, rarer = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        stick = stick_of(KINDS[kind](n, dimensions, rng))
        surprises = np.array([stick.surprise(row) for row in KINDS[kind](4000, dimensions, rng)])
        flagged.append((surprises >= 3.0).mean())
        rarer.append((surprises >= 2.0).mean())
    assert np.mean(flagged) <= 0.003, "stated: one in a thousand"
    assert 0.001 <= np.mean(rarer) <= 0.03, "stated: one in a hundred"


def test_a_film_of_another_kind_is_far_out() -> None:
    rng = np.random.default_rng(0)
    stick = stick_of(rng.normal(size=(2000, 32)))
    assert stick.surprise(np.zeros(32)) == pytest.approx(0.0, abs=0.05)
    assert stick.surprise(np.full(32, 2.0)) > 3.0
    assert stick.surprise(np.full(32, 1e6)) == 30.0


def test_a_direction_in_which_the_reference_hardly_varies_counts_more() -> None:
    rng = np.random.default_rng(0)
    stick = stick_of(rng.normal(size=(4000, 3)) * [10.0, 1.0, 0.5])
    assert stick.surprise(np.array([10.0, 0.0, 0.0])) < 1.0 < stick.surprise(np.array([0.0, 0.0, 5.0]))


def test_a_long_embedding_is_measured_too() -> None:
    rng = np.random.default_rng(0)
    stick = stick_of(rng.normal(size=(1000, 600)))
    assert stick.whiten.shape == (256, 600)
    assert stick.surprise(rng.normal(size=600)) < 3.0 < stick.surprise(rng.normal(size=600) * 3.0)


@pytest.mark.parametrize(
    "rows", [np.zeros((1000, 0)), np.zeros((1000, 4)), np.full((1000, 4), np.nan), np.random.default_rng(0).normal(size=(399, 4))]
)
def test_where_there_is_nothing_to_measure_by_there_is_no_yardstick(rows: NDArray[np.float64]) -> None:
    assert Yardstick.of(rows, np.arange(len(rows))) is None


def test_rows_that_are_missing_are_left_out_and_a_film_without_an_embedding_surprises_nobody() -> None:
    rows = np.random.default_rng(0).normal(size=(1000, 4))
    rows[::3] = np.nan
    stick = stick_of(rows)
    assert stick.surprise(np.full(4, np.nan)) == 0.0
    assert stick.surprise(np.zeros(3)) == 0.0


def test_it_comes_back_from_its_bytes_and_foreign_bytes_say_so() -> None:
    stick = stick_of(np.random.default_rng(0).normal(size=(1000, 8)))
    row = np.linspace(-2.0, 2.0, 8)
    assert Yardstick.from_bytes(stick.to_bytes()).surprise(row) == pytest.approx(stick.surprise(row), rel=1e-4)
    with pytest.raises(DecodeError):
        Yardstick.from_bytes(b"something else")
