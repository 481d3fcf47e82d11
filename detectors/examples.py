"""Examples: which predictions show best what a series says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.coding import count_places
from detectors.reference import Reference
from detectors.series import Range, Series


def telling(reference: Reference, series: Series, side: int, batch: Batch, most: int) -> list[int]:
    """Rows that count for a series, the most extreme first: hits where its rate rose (side 1), other trials where it fell (0).

    Extreme: farthest from the median of the reference for a number, farthest from the threshold for a score; among equals the last.
    """
    places = count_places(reference.schema, batch, reference.schema.projection.apply(batch.embedding))
    hits = [one for stratum in series.strata for one in stratum.hits]
    trials = [one for stratum in series.strata for one in stratum.trials]
    chosen = _inside(places, hits) if side else _inside(places, trials) & ~_inside(places, hits)
    rows = np.flatnonzero(chosen)
    order = np.lexsort((-rows, -_extremity(reference, series, batch)[rows]))
    return [int(row) for row in rows[order][:most]]


def _inside(places: NDArray[np.int64], ranges: Sequence[Range]) -> NDArray[np.bool_]:
    found = np.zeros(len(places), dtype=bool)
    for low, high in ranges:
        found |= ((places >= low) & (places < high)).any(axis=1)
    return found


def _extremity(reference: Reference, series: Series, batch: Batch) -> NDArray[Any]:
    schema = reference.schema
    if series.finding:
        place = schema.findings.index(series.finding)
        return np.asarray(np.abs(batch.scores[:, place].astype(np.float64) - schema.thresholds[place]))
    if series.feature in schema.projection.features:
        column = schema.projection.apply(batch.embedding)[:, schema.projection.features.index(series.feature)]
    elif series.feature in schema.numeric:
        column = np.asarray(batch.numeric[series.feature], dtype=np.float64)
    else:
        return np.zeros(len(batch))
    cuts = schema.numeric[series.feature].cuts
    return np.asarray(np.nan_to_num(np.abs(column - (cuts[len(cuts) // 2] if cuts else 0.0))))
