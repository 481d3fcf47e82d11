"""Area-average resize: every output pixel is the mean of the input area that it covers, so nothing aliases."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from service.raster import Raster

STRIP_PIXELS = 1 << 16
"""Pixels that are held within their ends at a time: a strip stays in the processor's cache, and a film of any size needs no second one."""

Pixels = NDArray[np.float32]


def area_average(pixels: Pixels | Raster, rows: int, columns: int, *, within: tuple[float, float] | None = None) -> Pixels:
    """Resize to rows x columns by exact area averages; parts of an input pixel count by their part.

    Args:
        pixels: [r, c] of any size, at least 1 x 1; of a film as it came, strip by strip.
        rows: Rows of the output; where there are more than r, input pixels are repeated in proportion.
        columns: Columns of the output, likewise.
        within: Lowest and highest value that a pixel counts with; those beyond count as the nearer of them.

    >>> area_average(np.float32([[0, 3, 6], [0, 3, 6]]), 1, 2)
    array([[1., 5.]], dtype=float32)
    >>> area_average(np.float32([[0, 3, 9], [0, 3, 9]]), 1, 1, within=(1, 5))
    array([[3.]], dtype=float32)
    """
    held = _held(within)
    if pixels.shape[0] < rows and columns < pixels.shape[1]:  # a thread of pixels becomes shorter before it becomes thicker
        short = _average_rows(np.ascontiguousarray(held(pixels[:]).T), columns, _as_it_is)
        return np.ascontiguousarray(_average_rows(np.ascontiguousarray(short.T), rows, _as_it_is))
    tall = _average_rows(pixels, rows, held) if pixels.size > STRIP_PIXELS else _average_rows(held(pixels[:]), rows, _as_it_is)
    return np.ascontiguousarray(_average_rows(np.ascontiguousarray(tall.T), columns, _as_it_is).T)


def _as_it_is(strip: Pixels) -> Pixels:
    return strip


def _held(within: tuple[float, float] | None) -> Callable[[Pixels], Pixels]:
    if within is None:
        return _as_it_is
    low, high = np.float32(within[0]), np.float32(within[1])

    def held(strip: Pixels) -> Pixels:
        above = np.maximum(strip, low)
        return np.minimum(above, high, out=above)

    return held


def _average_rows(pixels: Pixels | Raster, count: int, held: Callable[[Pixels], Pixels]) -> Pixels:
    size, across = pixels.shape
    if size == count:
        return held(pixels[:])
    if size % count == 0:
        each = size // count
        many = each * max(STRIP_PIXELS // (each * across), 1)
        strips = [np.einsum("abc->ac", held(pixels[start : start + many]).reshape(-1, each, across)) for start in range(0, size, many)]
        means: Pixels = strips[0] if len(strips) == 1 else np.concatenate(strips)
        return means * np.float32(count / size)
    edges = np.arange(count + 1) * (size / count)
    edges[-1] = size
    whole = np.minimum(edges.astype(np.intp), size - 1)
    part = (edges - whole).astype(np.float32)[:, None]
    sums: Pixels = np.stack([held(pixels[start:stop]).sum(axis=0) for start, stop in pairwise(whole)])
    sums += part[1:] * held(pixels[whole[1:]]) - part[:-1] * held(pixels[whole[:-1]])
    sums *= np.float32(count / size)
    return sums
