"""Table: the numbers behind a drawing, for reading and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

Cell = str | int | float | date | None
NOTHING = "\N{EN DASH}"
LONG, HUNDRED = 1e15, 100.0
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for something to compute."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name and rows of cells; None is nothing to say."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def csv(self) -> str:
        r"""As a file that a spreadsheet reads, and computes nothing of.

        >>> Table(("what", "n"), (("=1+1", 3), ("PA", None))).csv()
        "what,n\r\n'=1+1,3\r\nPA,\r\n"
        """
        sink = io.StringIO()
        writer = csv.writer(sink)
        writer.writerows(map(_safe, (self.columns, *self.rows)))
        return sink.getvalue()


def shown(cell: Cell) -> str:
    """A cell, for reading.

    >>> shown(0.123456), shown(1234), shown(2.0)
    ('0.123', '1,234', '2')
    """
    if cell is None:
        return NOTHING
    if isinstance(cell, float):
        return _number(cell)
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    return str(cell)


def _safe(row: Sequence[Cell]) -> list[Cell]:
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell for cell in row]


def _number(value: float) -> str:
    """Three figures where it has a fraction; a whole number as such."""
    if value.is_integer() and abs(value) < LONG:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < HUNDRED else f"{value:,.1f}"
