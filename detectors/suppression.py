"""Suppression: which cells of a table are hidden, so that no handful of patients can be read from it, nor reckoned from what is left."""

from __future__ import annotations

from collections.abc import Collection, Mapping

FEWEST = 11
"""Patients from which a cell is shown; a cell of none is shown too."""


def hidden_cells(patients: Mapping[str, float], lines: Collection[Collection[str]]) -> frozenset[str]:
    """Name the cells to hide: those of 1 to 10 patients, and in every line so many more that what is hidden there cannot be reckoned.

    A line is a set of cells whose sum can be known: all values of one attribute, or a row or column of a table of pairs. What is
    hidden of a line is what is missing from its sum, so it must be at least two cells, of 11 patients or more together. The
    smallest cells that are still shown are hidden first.

    Args:
        patients: Of each cell.
        lines: Each with its cells.

    Source:
        Hundepool et al. 2012, Statistical Disclosure Control, 4 (primary and secondary cell suppression).

    >>> sorted(hidden_cells({"F": 40, "M": 60, "O": 3}, [("F", "M", "O")]))
    ['F', 'O']
    >>> sorted(hidden_cells({"F": 40, "M": 60}, [("F", "M")]))
    []
    """
    hidden = {cell for cell, count in patients.items() if 0 < round(count) < FEWEST}
    changed = True
    while changed:
        changed = False
        for line in lines:
            inside = hidden.intersection(line)
            shown = sorted((cell for cell in line if cell not in hidden and patients[cell] > 0), key=lambda cell: (patients[cell], cell))
            reckoned = bool(inside) and (len(inside) == 1 or sum(patients[cell] for cell in inside) < FEWEST)
            if reckoned and shown:
                hidden.add(shown[0])
                changed = True
    return frozenset(hidden)
