"""Area-average resize: every output pixel is the mean of the input area that it covers, so nothing aliases."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def area_average(pixels: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Resize to rows x columns by exact area averages; parts of an input pixel count by their part.

    Args:
        pixels: [r, c] of any size, at least 1 x 1.
        rows: Rows of the output; where there are more than r, input pixels are repeated in proportion.
        columns: Columns of the output, likewise.

    >>> area_average(np.float32([[0, 3, 6], [0, 3, 6]]), 1, 2)
    array([[1., 5.]], dtype=float32)
    """
    return np.ascontiguousarray(_average_rows(np.ascontiguousarray(_average_rows(pixels, rows).T), columns).T)


def _average_rows(pixels: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    size = len(pixels)
    if size == count:
        return pixels
    if size % count == 0:
        means: NDArray[np.float32] = np.einsum("abc->ac", pixels.reshape(count, size // count, -1))
        return means * np.float32(count / size)
    edges = np.arange(count + 1) * (size / count)
    edges[-1] = size
    whole = np.minimum(edges.astype(np.intp), size - 1)
    part = (edges - whole).astype(np.float32)[:, None]
    sums: NDArray[np.float32] = np.stack([pixels[start:stop].sum(axis=0) for start, stop in pairwise(whole)])
    sums += part[1:] * pixels[whole[1:]] - part[:-1] * pixels[whole[:-1]]
    sums *= np.float32(count / size)
    return sums
