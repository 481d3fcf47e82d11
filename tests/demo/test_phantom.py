from __future__ import annotations

from typing import Any

import numpy as np

from service.demo.phantom import SIZE, Blob, Field, attenuation
from tests.demo.builders import make_chest


def _film(seed: int = 1, **changes: Any) -> Field:
    return attenuation(make_chest(**changes), np.random.default_rng(seed))


def test_lungs_let_more_through_than_the_heart_and_air_lets_through_everything() -> None:
    film = _film()
    lung, heart, air = film[60:70, 35:45].mean(), film[88:98, 76:86].mean(), film[100:110, :2].mean()
    assert air < lung < heart


def test_a_shadow_changes_its_place_and_little_else() -> None:
    shadow = Blob(x=-0.45, y=0.0, radius=0.08, depth=0.4)
    difference = _film(shadows=(shadow,)) - _film()
    row, column = np.unravel_index(difference.argmax(), difference.shape)
    assert abs(row - SIZE / 2) < 8
    assert abs(column - 0.275 * SIZE) < 8
    assert difference[:, SIZE // 2 :].max() < 0.01


def test_a_larger_heart_is_wider_on_the_film_and_wider_still_when_taken_from_the_front() -> None:
    def width(**changes: Any) -> int:
        row = _film(inspiration=1.0, **changes)[98]
        return int((row[30:120] > 0.75 * row[70:76].mean()).sum())

    assert width(heart=0.42) < width(heart=0.56) < width(heart=0.56, view="AP")


def test_the_same_seed_draws_the_same_patient() -> None:
    assert np.array_equal(_film(3), _film(3))
    assert not np.array_equal(_film(3), _film(4))
