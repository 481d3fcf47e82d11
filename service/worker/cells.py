"""Cells: the subgroups in which every rate is counted beside the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.plan import ALL, PAIRED

SITE = "site"
AGE_BAND = "age_band"
AGE_EDGES = (18.0, 40.0, 65.0, 80.0)
AGE_BANDS = ("0-17", "18-39", "40-64", "65-79", "80+")
UNKNOWN = "unknown"
ROWS_OF_A_CELL = 50  # fewer in the whole reference can carry no rate
VALUES_OF_A_SUBGROUP = 16  # the most frequent; a free-text attribute must not become a thousand cells

Column = NDArray[Any]
"""Values of one subgroup, one a row (object array): text, or None where the film does not say."""


def age_bands(years: NDArray[np.floating[Any]]) -> Column:
    """Return the band of each age in years; an unknown age is a band of its own.

    >>> age_bands(np.array([3.0, 40.0, 97.0, np.nan])).tolist()
    ['0-17', '40-64', '80+', 'unknown']
    """
    bands = np.array([*AGE_BANDS, UNKNOWN], dtype=object)
    found: Column = bands[np.where(np.isnan(years), len(AGE_BANDS), np.searchsorted(AGE_EDGES, years, side="right"))]
    return found


def declared_cells(subgroups: Mapping[str, Column], pairs: Sequence[tuple[str, str]] = (), stratum: str = "") -> tuple[str, ...]:
    """List the cells that a reference knows: each declared subgroup's values that are frequent enough, most frequent first, then pairs.

    Of the stratum every value is counted, however rare: it is compared with the whole until it has a reference of its own.

    >>> declared_cells({"site": np.array(["north"] * 60 + ["south"] * 50 + ["visitor"] * 3, dtype=object)})
    ('site=north', 'site=south')
    """
    least = {name: 1 if name == stratum else ROWS_OF_A_CELL for name in subgroups}
    single = tuple(f"{name}={value}" for name, column in subgroups.items() for value in _frequent(column, least[name]))
    both = (_together(single, subgroups, pair) for pair in pairs)
    return (*single, *(cell for cells in both for cell in cells))


def keeps_waves(cell: str) -> bool:
    """Say whether the Fourier sums of the embedding are kept: of the whole and of each site; of twenty subgroups they would fill the store.

    >>> keeps_waves("all"), keeps_waves("site=north"), keeps_waves("PatientSex=F")
    (True, True, False)
    """
    return cell == ALL or (cell.startswith(f"{SITE}=") and PAIRED not in cell)


def cell_masks(cells: Sequence[str], subgroups: Mapping[str, Column]) -> dict[str, NDArray[np.bool_]]:
    """Tell which rows lie in each cell. A value that the reference does not know lies in none of them, and still in "all".

    >>> cell_masks(["site=north"], {"site": np.array(["north", "new"], dtype=object)})["site=north"].tolist()
    [True, False]
    """
    masks: dict[str, NDArray[np.bool_]] = {}
    for cell in cells:
        if cell == ALL:
            continue
        masks[cell] = np.logical_and.reduce([_inside(part, subgroups) for part in cell.split(PAIRED)])
    return masks


def _inside(part: str, subgroups: Mapping[str, Column]) -> NDArray[np.bool_]:
    name, _, value = part.partition("=")
    return np.asarray(subgroups[name] == value, dtype=bool)


def _together(single: Sequence[str], subgroups: Mapping[str, Column], pair: tuple[str, str]) -> list[str]:
    """Cells of a pair that are frequent enough, most frequent first."""
    first, second = ([cell for cell in single if cell.startswith(f"{name}=")] for name in pair)
    counts = {PAIRED.join(both): int((_inside(both[0], subgroups) & _inside(both[1], subgroups)).sum()) for both in product(first, second)}
    frequent = sorted((cell for cell, count in counts.items() if count >= ROWS_OF_A_CELL), key=lambda cell: -counts[cell])
    return frequent[:VALUES_OF_A_SUBGROUP]


def _frequent(column: Column, least: int) -> list[str]:
    values, counts = np.unique([value for value in column if value is not None], return_counts=True)
    order = np.lexsort((values, -counts))[:VALUES_OF_A_SUBGROUP]
    return [str(values[i]) for i in order if counts[i] >= least]
