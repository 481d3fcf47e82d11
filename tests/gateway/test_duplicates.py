"""A film that comes again under another name is noticed; a film that only looks like another is not."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from service.domain import Pseudonyms
from service.gateway.duplicates import Duplicates
from service.gateway.picture import Picture, picture_of
from service.gateway.preprocess import preprocess
from service.models.manifest import Preprocessing
from tests.films import phantom
from tests.gateway.images import make_image

DATA = Path(__file__).parents[3] / "shared" / "data"
INPUT = Preprocessing(rows=64, columns=64)


def named(study: str | None = "study", patient: str | None = "patient") -> Pseudonyms:
    return Pseudonyms(None if patient is None else patient.encode(), None, None if study is None else study.encode(), None, None)


def picture(pixels: NDArray[np.generic], top: float = 4095.0) -> Picture | None:
    return picture_of(preprocess(make_image(pixels.astype(np.float32), span=(0.0, top)), INPUT))


def chest(seed: int) -> NDArray[np.float64]:
    """A chest that is somebody's: lungs of their own size and place, and shadows of their own."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:200j, -1:1:180j]
    body = 0.75 * (x**2 + 0.6 * y**2 < 0.8)
    at, wide, high = rng.uniform(0.3, 0.5), rng.uniform(0.15, 0.3), rng.uniform(0.4, 0.75)
    lungs = sum(0.4 * (((x - side * at) / wide) ** 2 + (y / high) ** 2 < 1) for side in (-1, 1))
    shadows = 0.1 * np.kron(rng.normal(size=(10, 9)), np.ones((20, 20)))
    return np.asarray(np.clip(0.1 + body - lungs + shadows + rng.normal(0, 0.01, x.shape), 0, 1) * 4095)


def test_the_same_film_under_another_study_is_a_duplicate() -> None:
    duplicates = Duplicates()
    assert not duplicates.seen("chest", picture(phantom()), named("one"))
    assert duplicates.seen("chest", picture(phantom()), named("two"))
    assert not duplicates.seen("hand", picture(phantom()), named("two")), "each model remembers its own films"


def test_the_same_film_of_another_patient_is_a_duplicate() -> None:
    duplicates = Duplicates()
    duplicates.seen("chest", picture(phantom()), named(None, "anna"))
    assert duplicates.seen("chest", picture(phantom()), named(None, "bert"))


def test_a_film_that_is_sent_again_is_no_duplicate_nor_is_one_without_any_name() -> None:
    duplicates = Duplicates()
    for names in (named(), named(), named("study", None), named(None, None), named(None, None)):
        assert not duplicates.seen("chest", picture(phantom()), names)


@pytest.mark.parametrize("what", ["brighter", "noisy", "jpeg", "smaller"])
def test_a_copy_that_was_worked_over_is_a_duplicate_still(what: str) -> None:
    film = chest(1)
    duplicates = Duplicates()
    duplicates.seen("chest", picture(film), named("one"))
    jpeg = BytesIO()
    PIL.Image.fromarray((film / 16).astype(np.uint8)).save(jpeg, "JPEG", quality=70)
    copies = {
        "brighter": film * 0.8 + 300,
        "noisy": film + np.random.default_rng(0).normal(0, 40, film.shape),
        "jpeg": np.asarray(PIL.Image.open(jpeg), np.float64) * 16,
        "smaller": film.reshape(100, 2, 90, 2).mean((1, 3)),
    }
    assert duplicates.seen("chest", picture(copies[what]), named("two"))


def test_other_people_are_no_duplicates() -> None:
    duplicates = Duplicates()
    assert not any(duplicates.seen("chest", picture(chest(seed)), named(str(seed), str(seed))) for seed in range(200))


def test_films_without_contrast_are_no_duplicates() -> None:
    duplicates = Duplicates()
    assert not any(duplicates.seen("chest", picture(np.full((50, 50), value)), named(str(value))) for value in (0, 1, 4000))


def test_what_is_remembered_is_bounded() -> None:
    duplicates = Duplicates(films=3)
    for seed in range(4):
        duplicates.seen("chest", picture(chest(seed)), named(str(seed)))
    assert not duplicates.seen("chest", picture(chest(0)), named("other")), "the oldest was forgotten"
    assert duplicates.seen("chest", picture(chest(3)), named("other"))


@pytest.mark.skipif(not DATA.is_dir(), reason="the real films of ../shared/data are not on this machine")
def test_among_real_films_only_the_real_copies_are_found() -> None:
    films = np.load(DATA / "nih_dev_64.npz")["images"]
    pairs = len(films) - len(np.unique(films.reshape(len(films), -1), axis=0))
    duplicates = Duplicates()
    found = sum(duplicates.seen("chest", picture(film, 255.0), named(str(number), str(number))) for number, film in enumerate(films))
    assert found == pairs == 1
