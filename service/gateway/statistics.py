"""Image statistics: a dozen numbers that move when the scanner, its processing or the collimation does, and cost milliseconds.

They have no unit of the detector (positions in the span, shares, ratios), and are finite for every film, a constant one too.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.domain import Image
from service.gateway.resize import area_average
from service.gateway.sample import in_order, percentile
from service.models.features import STATISTICS
from service.raster import Raster

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
    | sharpness | energy of the Laplacian over 20 x variance: 0 for a smooth film, 1 for white noise | 0 to 3.7, for a few pixels up to 29 |
    | noise | robust standard deviation (MAD) of the Laplacian / sqrt(20), in window widths | 0 and up |
    | asymmetry | mean difference of levels between the film and its mirror image, on a 32 x 32 grid | 0 to 1 |
    | border_level | mean level of the outer sixteenth: dark collimation, shutters, direct exposure | 0 to 1 |
    """
    low, high = image.span
    width = high - low if high > low else 1.0
    ordered = image.sample.astype(np.float64)
    bottom, middle, top = (percentile(ordered, share) for share in (1.0, 50.0, 99.0))
    window = top - bottom if top - bottom >= BLANK * width else inf
    from_middle = ordered - middle
    mean = float(from_middle.mean())
    coarse = np.clip((area_average(image.raster, COARSE, COARSE) - bottom) / window, 0.0, 1.0)
    values = (
        _position(middle + mean, low, width),
        min(max(float(from_middle @ from_middle) / len(ordered) - mean**2, 0.0) ** 0.5 / width, 0.5),
        *(_position(value, low, width) for value in (bottom, middle, top)),
        _entropy(ordered, bottom, window),
        _share_below(ordered, low + EDGE * width, "right"),
        1.0 - _share_below(ordered, low + (1.0 - EDGE) * width, "left"),
        *_texture(image.raster, window),
        float(np.abs(coarse - coarse[:, ::-1]).mean()),
        _ring_mean(coarse),
    )
    return dict(zip(STATISTICS, values, strict=True))


def _position(value: float, low: float, width: float) -> float:
    """The last digit of float32 may stand outside the span."""
    return min(max((value - low) / width, 0.0), 1.0)


def _share_below(ordered: NDArray[np.float64], value: float, side: Literal["left", "right"]) -> float:
    return float(np.searchsorted(ordered, value, side)) / len(ordered)


def _entropy(ordered: NDArray[np.float64], bottom: float, window: float) -> float:
    """In bits, of the levels in 64 bins; what lies outside the window counts in the first and the last."""
    if window == inf:
        return 0.0
    starts = np.searchsorted(ordered, bottom + np.arange(1, BINS) * (window / BINS))
    counts = np.diff(starts, prepend=0, append=len(ordered))
    shares = counts[counts > 0] / len(ordered)
    return float(abs(np.sum(shares * np.log2(shares))))


def _ring_mean(coarse: NDArray[np.float64]) -> float:
    ring = np.ones(coarse.shape, bool)
    ring[RING:-RING, RING:-RING] = False
    return float(coarse[ring].mean())


def _texture(pixels: Raster, window: float) -> tuple[float, float]:
    """Sharpness, and noise in units of `window`, from patches at full resolution: a subsample has neither."""
    rows, columns = _patch_index(pixels.shape[0]), _patch_index(pixels.shape[1])
    patches = np.take(pixels[rows.ravel()], columns.ravel(), axis=1).reshape(*rows.shape, *columns.shape)
    centre = patches[:, 1:-1, :, 1:-1]
    contrast = patches.ravel() - patches.mean(dtype=np.float64).astype(np.float32)
    variance = float(contrast @ contrast) / contrast.size
    if centre.size == 0 or variance <= 0.0:
        return 0.0, 0.0
    laplacian = np.float32(4.0) * centre
    for around in (patches[:, :-2, :, 1:-1], patches[:, 2:, :, 1:-1], patches[:, 1:-1, :, :-2], patches[:, 1:-1, :, 2:]):
        laplacian -= around
    sizes = np.abs(laplacian).ravel()
    deviation = GAUSSIAN_MAD * percentile(in_order(sizes), 50.0) / LAPLACIAN_GAIN**0.5
    return float(sizes @ sizes) / (sizes.size * LAPLACIAN_GAIN * variance), deviation / window


def _patch_index(size: int) -> NDArray[np.intp]:
    """Pixel indices [patches, length] along one side; a short side is one patch."""
    if size <= PATCHES * PATCH:
        return np.arange(size, dtype=np.intp)[None]
    starts = np.linspace(0, size - PATCH, PATCHES).astype(np.intp)
    return starts[:, None] + np.arange(PATCH, dtype=np.intp)
