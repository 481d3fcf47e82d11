"""Hidden: which subgroups of a window are too few patients to be told of, with those from which they could be reckoned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.patients import count_patients
from detectors.plan import ALL, PAIRED
from detectors.suppression import FEWEST, hidden_cells
from detectors.tally import Tally

OTHER = "other"
WHY = f"hidden: fewer than {FEWEST} patients, or what could be reckoned from them"

Counts = NDArray[np.int64]


def attributes_of(cells: Sequence[str]) -> list[str]:
    """Attributes by which films are divided, in the order of their cells."""
    return list(dict.fromkeys(cell.partition("=")[0] for cell in cells if cell != ALL and PAIRED not in cell))


def of_attribute(cell: str, name: str) -> bool:
    """Whether a cell is one value of an attribute."""
    return PAIRED not in cell and cell.startswith(f"{name}=")


def hidden_in(window: Mapping[str, Tally], cells: Sequence[str]) -> frozenset[str]:
    """Name the cells of a window to hide; `attribute=other` stands for the films of an attribute that lie in none of its cells."""
    if not window:
        return frozenset()
    nobody = np.zeros_like(next(iter(window.values())).patients())
    counts = {cell: window[cell].patients() if cell in window else nobody for cell in (ALL, *cells)}
    lines = [*_values(counts, cells), *_pairs(counts, cells)]
    known = {cell: count_patients(counts[cell]) for cell in counts if cell != ALL}
    return hidden_cells(known, lines)


def hidden_counts(counts: Mapping[str, int]) -> frozenset[str]:
    """Name the cells whose count of one kind of film is a handful, or tells one by what is left of "all", where that is among them.

    >>> sorted(hidden_counts({"all": 60, "site=north": 52, "site=south": 8, "age_band=80+": 30}))
    ['site=north', 'site=south']
    """
    known: dict[str, float] = {cell: count for cell, count in counts.items() if cell != ALL}
    lines = []
    for name in attributes_of(list(known)) if ALL in counts else ():
        members = [cell for cell in known if of_attribute(cell, name)]
        known[f"{name}={OTHER}"] = max(counts[ALL] - sum(counts[cell] for cell in members), 0)
        lines.append([*members, f"{name}={OTHER}"])
    return hidden_cells(known, lines) & frozenset(counts)


def _values(counts: dict[str, Counts], cells: Sequence[str]) -> list[list[str]]:
    """Lines of the values of each attribute; what is left of all films is counted, too."""
    lines = []
    for name in attributes_of(cells):
        members = [cell for cell in cells if of_attribute(cell, name)]
        lines.append(_line(counts, ALL, members, f"{name}={OTHER}"))
    return lines


def _pairs(counts: dict[str, Counts], cells: Sequence[str]) -> list[list[str]]:
    """Rows and columns of the tables of pairs."""
    tables: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        values = cell.split(PAIRED)
        if len(values) > 1:
            for value, across in (values, values[::-1]):
                tables.setdefault((value, across.partition("=")[0]), []).append(cell)
    return [
        _line(counts, value, members, f"{value}{PAIRED}{across}={OTHER}") for (value, across), members in tables.items() if value in counts
    ]


def _line(counts: dict[str, Counts], whole: str, members: list[str], rest: str) -> list[str]:
    counts[rest] = counts[whole] - sum((counts[cell] for cell in members), start=np.zeros_like(counts[whole]))
    return [*members, rest]
