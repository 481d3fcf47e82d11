"""Image statistics: a dozen numbers that move when the scanner, its processing or the collimation does, and cost milliseconds.

They have no unit of the detector (positions in the span, shares, ratios), and are finite for every film, a constant one too.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import numpy as np
from numpy.typing import NDArray

from service.domain import Image
from service.gateway.preprocess import sample_pixels
from service.gateway.resize import area_average
from service.models.features import STATISTICS

EDGE = 1e-3
"""Positions closer than this to an end of the span count as that end."""
BINS = 64
COARSE = 32
RING = 2
PATCHES, PATCH = 8, 32
LAPLACIAN_GAIN = 20.0
"""Sum of the squared weights of the 5-point Laplacian: its variance over the variance of white noise."""
GAUSSIAN_MAD = 1.4826
"""Standard deviation of a normal variable over its median absolute deviation."""
BLANK = 1e-6
"""A film whose positions differ by less has one value."""


def image_statistics(image: Image) -> Mapping[str, float]:
    """Statistics of one film by name, in the order of `service.models.features.STATISTICS`.

    Position means (value - lowest) / (highest - lowest) of the span that the film declares, so 0 is darkest and 1 is
    brightest; level means position in the film's own window from its 1st (0) to its 99th percentile (1).

    | name | meaning | range |
    |---|---|---|
    | mean_level | mean position | 0 to 1 |
    | spread | standard deviation of positions | 0 to 0.5 |
    | low_level, median_level, high_level | position of the 1st, 50th, 99th percentile | 0 to 1 |
    | entropy | of a 64-bin histogram of levels, in bits | 0 to 6 |
    | share_at_bottom, share_at_top | share of pixels at an end of the span: clipping, shutters | 0 to 1 |
    | sharpness | energy of the Laplacian over 20 x variance: 0 for a smooth film, 1 for white noise | 0 to 3.2 |
    | noise | robust standard deviation (MAD) of the Laplacian / sqrt(20), in window widths | 0 and up |
    | asymmetry | mean difference of levels between the film and its mirror image, on a 32 x 32 grid | 0 to 1 |
    | border_level | mean level of the outer sixteenth: dark collimation, shutters, direct exposure | 0 to 1 |
    """
    low, high = image.span
    width = high - low if high > low else 1.0
    # the last digit of float32 may stand outside the span
    positions = np.clip((sample_pixels(image.pixels).astype(np.float64) - low) / width, 0.0, 1.0)
    bottom, middle, top = (float(value) for value in np.percentile(positions, (1.0, 50.0, 99.0)))
    coarse = _levels((area_average(image.pixels, COARSE, COARSE) - low) / width, bottom, top)
    sharpness, noise = _texture(image.pixels, (top - bottom) * width if top - bottom >= BLANK else inf)
    values = (
        float(positions.mean()),
        float(positions.std()),
        bottom,
        middle,
        top,
        _entropy(_levels(positions, bottom, top)),
        float((positions <= EDGE).mean()),
        float((positions >= 1.0 - EDGE).mean()),
        sharpness,
        noise,
        float(np.abs(coarse - coarse[:, ::-1]).mean()),
        _ring_mean(coarse),
    )
    return dict(zip(STATISTICS, values, strict=True))


def _levels(positions: NDArray[np.float64], bottom: float, top: float) -> NDArray[np.float64]:
    if top - bottom < BLANK:
        return np.zeros_like(positions)
    return np.clip((positions - bottom) / (top - bottom), 0.0, 1.0)


def _entropy(levels: NDArray[np.float64]) -> float:
    counts = np.bincount(np.minimum((levels * BINS).astype(np.intp), BINS - 1).ravel(), minlength=BINS)
    shares = counts[counts > 0] / levels.size
    return float(abs(np.sum(shares * np.log2(shares))))


def _ring_mean(coarse: NDArray[np.float64]) -> float:
    ring = np.ones(coarse.shape, bool)
    ring[RING:-RING, RING:-RING] = False
    return float(coarse[ring].mean())


def _texture(pixels: NDArray[np.float32], window: float) -> tuple[float, float]:
    """Sharpness, and noise in units of `window`, from patches at full resolution: a subsample has neither."""
    rows, columns = _patch_index(pixels.shape[0]), _patch_index(pixels.shape[1])
    patches = pixels[rows[:, None, :, None], columns[None, :, None, :]].astype(np.float64)
    centre = patches[:, :, 1:-1, 1:-1]
    variance = float(patches.var())
    if centre.size == 0 or variance <= 0.0:
        return 0.0, 0.0
    around = patches[:, :, :-2, 1:-1] + patches[:, :, 2:, 1:-1] + patches[:, :, 1:-1, :-2] + patches[:, :, 1:-1, 2:]
    laplacian = 4.0 * centre - around
    deviation = GAUSSIAN_MAD * float(np.median(np.abs(laplacian))) / LAPLACIAN_GAIN**0.5
    return float(np.mean(laplacian**2)) / (LAPLACIAN_GAIN * variance), deviation / window


def _patch_index(size: int) -> NDArray[np.intp]:
    """Pixel indices [patches, length] along one side; a short side is one patch."""
    if size <= PATCHES * PATCH:
        return np.arange(size, dtype=np.intp)[None]
    starts = np.linspace(0, size - PATCH, PATCHES).astype(np.intp)
    return starts[:, None] + np.arange(PATCH, dtype=np.intp)
