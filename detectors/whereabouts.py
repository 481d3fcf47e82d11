"""Whereabouts: the subgroup in which a series moved, if outside it nothing did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.bands import band
from detectors.plan import ALL
from detectors.reference import Reference
from detectors.series import Gather, Series
from detectors.surprise import surprise
from detectors.tally import Tally

SILENT = 0.1
"""A subgroup is named when everything outside it has less than this share of its surprise."""

Floats = NDArray[np.float64]


def cell_of(reference: Reference, series: Series, side: int, days: Sequence[Mapping[str, Tally]]) -> str:
    """Name the cell in which a series of "all" lives on these days.

    For every cell the rate inside and the rate outside are each compared with the reference's interval of the same part. Of
    the cells outside of which all is as it was, the one with the most surprise is named; "all" where there is none.

    Args:
        reference: Its tallies say what was usual in each cell.
        series: A series of the cell "all".
        side: 0 if its rate fell, 1 if it rose.
        days: Cell -> tally, for each day since it began.
    """
    gather = Gather.of([series])
    phi = float(reference.dispersion[reference.series.index(series)])
    inside = np.array([_counted(gather, reference, cell, days) for cell in reference.cells])
    outside = inside[reference.cells.index(ALL)] - inside
    within, without = (_moved(counts, side, phi) for counts in (inside, outside))
    living = np.where((without < SILENT * within) & (outside[:, 1] > 0), within, 0.0)
    return reference.cells[int(living.argmax())]


def _counted(gather: Gather, reference: Reference, cell: str, days: Sequence[Mapping[str, Tally]]) -> tuple[int, int, int, int]:
    """Count hits and trials on these days, hits and trials in the reference."""
    now = [gather.count({ALL: tallies[cell]}) for tallies in days if cell in tallies]
    then = gather.count({ALL: reference.tallies[cell]})
    return sum(int(day.k[0]) for day in now), sum(int(day.n[0]) for day in now), int(then.k[0]), int(then.n[0])


def _moved(counts: NDArray[np.int64], side: int, phi: float) -> Floats:
    """Surprise [cells] of the rate on these days against the reference's interval; counts are [cells, 4] as above."""
    k, n, k_then, n_then = counts.T.astype(np.float64)
    scale = np.full(len(counts), phi)
    edge = band(k_then, n_then, scale, 1.0)[:, side]
    return surprise(k, n, edge, np.full(len(counts), side), scale)
