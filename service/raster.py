"""Raster: the pixels of a film as they came, so that a large film takes little more memory than its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """The pixels of one film as they came, two bytes each; what they mean is worked out for as many as are asked for.

    stored: [rows, columns]. meaning: of any stored pixels, float32 in their shape, in MONOCHROME2 sense (more is brighter).
    """

    stored: NDArray[Any]
    meaning: Callable[[NDArray[Any]], NDArray[np.float32]]

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.stored.shape
        return rows, columns

    @property
    def size(self) -> int:
        return self.stored.size

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> NDArray[np.float32]:
        """Some rows."""
        return self.meaning(self.stored[rows])

    def take(self, places: NDArray[np.intp]) -> NDArray[np.float32]:
        """Some pixels, by their place in the order of rows."""
        return self.meaning(np.take(self.stored, places))
