"""The distance of films from the reference: the reference's own films are as far as those that come after them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.projection import Projection

FILMS, LATER, DIMENSIONS = 600, 6000, 24


def make_embedding(rng: np.random.Generator, films: int, dead: int) -> NDArray[np.float16]:
    """Rectified features of a few hidden causes; the first `dead` of them are zero for almost every film."""
    mixing = np.random.default_rng(5).normal(size=(8, DIMENSIONS))
    features = rng.normal(size=(films, 8)) @ mixing + 0.3 * rng.normal(size=(films, DIMENSIONS)) + 1.0
    features[:, :dead] -= 12.0
    return np.asarray(np.maximum(features, 0.0), dtype=np.float16)


@pytest.mark.parametrize("dead", [0, 1, 6])
def test_films_like_those_of_the_reference_are_no_nearer_and_no_farther(dead: int) -> None:
    rng = np.random.default_rng(dead)
    projection, read = Projection.learn(make_embedding(rng, FILMS, dead))
    distance, later = read[:, -1], projection.apply(make_embedding(rng, LATER, dead))[:, -1]
    assert np.mean(later > np.quantile(distance, 0.9)) == pytest.approx(0.1, abs=0.05)
    assert np.mean(later < np.quantile(distance, 0.1)) == pytest.approx(0.1, abs=0.05)


def test_films_without_any_features_are_as_far_as_those_to_come() -> None:
    rng = np.random.default_rng(3)
    films, later = make_embedding(rng, FILMS, 0), make_embedding(rng, LATER, 0)
    films[::4], later[::4] = 0, 0
    projection, read = Projection.learn(films)
    before, after = (np.median(one) for one in (read[::4, -1], projection.apply(later[::4])[:, -1]))
    assert before == pytest.approx(after, rel=0.15)
