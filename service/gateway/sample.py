"""A film's sample: some thousand evenly spread pixels, put in order once, from which every percentile is read."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.raster import Raster

SAMPLE_PIXELS = 65_521
"""A prime, so that the sample wanders over rows and columns and no regular pattern (an anti-scatter grid) keeps step with it."""
COUNTED = 1 << 14
"""Below this, numbers are counted one by one; above, sorting them digit by digit is faster."""
SIZES = 4
"""Sizes of film whose places are remembered: half a megabyte each."""


def sample_pixels(pixels: Raster | NDArray[np.float32]) -> NDArray[np.float32]:
    """Evenly spread pixels [n], n at most 65,521: enough for any percentile, whatever the size of the film."""
    return pixels.take(_places(pixels.size))


@lru_cache(SIZES)
def _places(size: int) -> NDArray[np.intp]:
    count = min(size, SAMPLE_PIXELS)
    return np.arange(count) * size // count


def in_order(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values [n] in ascending order. Most films hold whole numbers of 16 bits, which are counted rather than compared.

    >>> in_order(np.float32([3, 1, 2])), in_order(np.float32([0.5, -1, 70000]))
    (array([1., 2., 3.], dtype=float32), array([-1.e+00,  5.e-01,  7.e+04], dtype=float32))
    """
    with np.errstate(invalid="ignore"):  # what does not fit becomes some other number
        words = values.astype(np.uint16)
    if not np.array_equal(words, values):
        return np.sort(values)
    if words.max(initial=0) >= COUNTED:
        return np.sort(words, kind="stable").astype(np.float32)
    counts = np.bincount(words)
    return np.repeat(np.arange(len(counts), dtype=np.float32), counts)


def percentile(ordered: NDArray[Any], share: float) -> float:
    """The value below which `share` per cent of ordered values lie, between two of them in proportion.

    >>> percentile(np.float32([0, 10, 20]), 75.0)
    15.0
    """
    place = (len(ordered) - 1) * share / 100.0
    below = min(int(place), len(ordered) - 1)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    return low + (high - low) * (place - below)
