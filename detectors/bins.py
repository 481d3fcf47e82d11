"""Bins of the reference: where a value of a feature falls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.codes import normalise

QUANTILE_BINS = 64
VALUES_COUNTED = 64
"""Values of a category with a bin of their own; rarer known ones share the bin "other"."""


@dataclass(frozen=True, slots=True)
class NumericBins:
    """Quantile bins of a number: below | bin 0 | ... | bin B-1 | above | missing.

    Bin i holds cuts[i-1] <= x < cuts[i]; the first begins at `low`, the last ends with `high` (both seen in the reference).
    Equal quantiles are one cut, so a value that many films share begins a bin. A feature that the reference never saw
    (low is None) has one empty bin, and every value of it lies above.

    >>> bins = NumericBins.of(np.array([1.0, 2.0, 2.0, 3.0, np.nan]))
    >>> bins.cuts, bins.labels
    ((2.0, 3.0), ('below', '1', '2', '3', 'above', 'missing'))
    >>> bins.index(np.array([0.5, 1.0, 2.5, 3.0, 3.1, np.nan])).tolist()
    [0, 1, 2, 3, 4, 5]
    """

    low: float | None
    high: float | None
    cuts: tuple[float, ...]

    @classmethod
    def of(cls, values: NDArray[np.floating[Any]], bins: int = QUANTILE_BINS, further: tuple[float, ...] = ()) -> NumericBins:
        """Cut the finite values of the reference into up to `bins` bins of equal share, and where `further` shares of them end."""
        known = values[np.isfinite(values)].astype(np.float64)
        if not known.size:
            return cls(low=None, high=None, cuts=())
        shares = np.append(np.arange(1, bins) / bins, further)
        quantiles = np.unique(np.quantile(known, shares, method="inverted_cdf"))
        low, high = float(known.min()), float(known.max())
        distinct = np.unique(known)
        cuts = distinct if len(distinct) <= bins else quantiles
        return cls(low=low, high=high, cuts=tuple(cuts[cuts > low].tolist()))

    @property
    def inside(self) -> int:
        """How many bins lie inside the reference's range."""
        return len(self.cuts) + 1

    @property
    def size(self) -> int:
        """All bins: inside, below, above and missing."""
        return self.inside + 3

    @property
    def labels(self) -> tuple[str, ...]:
        """What each bin holds; inner bins are named by where they begin."""
        starts = ("" if self.low is None else f"{self.low:g}", *(f"{cut:g}" for cut in self.cuts))
        return ("below", *starts, "above", "missing")

    def index(self, values: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Bin of each value; anything that is not finite is missing."""
        if self.low is None or self.high is None:
            place = np.full(len(values), self.inside + 1, dtype=np.int64)
        else:
            place = np.searchsorted(self.cuts, values, side="right").astype(np.int64) + 1
            place[values < self.low] = 0
            place[values > self.high] = self.inside + 1
        place[~np.isfinite(values)] = self.inside + 2
        return place


@dataclass(frozen=True, slots=True)
class CategoricalBins:
    """Bins of a category: value 0 | ... | value K-1 | other | unseen | missing.

    `counted` are the reference's most frequent values, `others` the rest of them. A value that the reference never saw is unseen.

    >>> bins = CategoricalBins.of("ViewPosition", ["PA", "PA", "AP", None])
    >>> bins.labels
    ('PA', 'AP', 'other', 'unseen', 'missing')
    >>> bins.index(np.array(["posteroanterior", "LL", None], dtype=object)).tolist()
    [0, 3, 4]
    """

    feature: str
    counted: tuple[str, ...]
    others: frozenset[str]

    @classmethod
    def of(cls, feature: str, values: Iterable[object], most: int = VALUES_COUNTED) -> CategoricalBins:
        """Count the reference's values; the most frequent ones get a bin."""
        counts = Counter(code for value in values if (code := normalise(feature, value)) is not None)
        ordered = sorted(counts, key=lambda code: (-counts[code], code))
        return cls(feature=feature, counted=tuple(ordered[:most]), others=frozenset(ordered[most:]))

    @property
    def size(self) -> int:
        """All bins: counted values, other, unseen and missing."""
        return len(self.counted) + 3

    @property
    def labels(self) -> tuple[str, ...]:
        """What each bin holds."""
        return (*self.counted, "other", "unseen", "missing")

    def index(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Bin of each value. Each distinct spelling is normalised once."""
        places = {code: place for place, code in enumerate(self.counted)} | dict.fromkeys(self.others, len(self.counted))
        unseen, missing = len(self.counted) + 1, len(self.counted) + 2
        spelled: dict[object, int] = {}
        for value in dict.fromkeys(values):
            code = normalise(self.feature, value)
            spelled[value] = missing if code is None else places.get(code, unseen)
        return np.fromiter(map(spelled.__getitem__, values), dtype=np.int64, count=len(values))
