"""A series: one thing that can go wrong, put as a rate k of n."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.tally import Tally

Family = Literal["acquisition", "image", "embedding", "score", "prevalence", "calibration", "performance", "silence"]
Side = Literal["low", "high"]
Range = tuple[int, int]
Scalar = TypeVar("Scalar", bound=np.generic)

SIDES: tuple[Side, Side] = ("low", "high")


@dataclass(frozen=True, slots=True)
class Stratum:
    """Where k and n lie in the flat vector of a tally: sums over half-open ranges."""

    hits: tuple[Range, ...]
    trials: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One rate that is watched in one cell.

    name: unique and stable, family:cell:subject:bin.
    sides: directions in which it may leave its band.
    strata: usually one; calibration has one a score group, whose likelihoods multiply, so that a change of case mix between
        the groups is no evidence.
    matured: rests on labels, judged on days that are old enough to have them.
    """

    family: Family
    cell: str
    feature: str
    finding: str
    bin: str
    sides: tuple[Side, ...]
    strata: tuple[Stratum, ...]
    matured: bool = False

    @property
    def name(self) -> str:
        return f"{self.family}:{self.cell}:{self.feature or self.finding}:{self.bin}"


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """k of n for every stratum of every series [rows], int64."""

    k: NDArray[np.int64]
    n: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Gather:
    """The places of all series, laid out so that one cumulative sum a cell gives every k and n.

    first: first row of each series [series]; a row is a stratum, and the rows of a series are neighbours.
    cells: cell -> (rows of that cell, their ranges of hits, their ranges of trials).
    """

    first: NDArray[np.int64]
    rows: int
    cells: Mapping[str, tuple[NDArray[np.int64], _Ranges, _Ranges]]

    @classmethod
    def of(cls, series: Sequence[Series]) -> Gather:
        """Lay out the places of some series."""
        strata = [(one.cell, stratum) for one in series for stratum in one.strata]
        lengths = np.array([len(one.strata) for one in series], dtype=np.int64)
        by_cell: dict[str, list[int]] = {}
        for row, (cell, _) in enumerate(strata):
            by_cell.setdefault(cell, []).append(row)
        cells = {
            cell: (
                np.array(rows, dtype=np.int64),
                _Ranges.of(strata[row][1].hits for row in rows),
                _Ranges.of(strata[row][1].trials for row in rows),
            )
            for cell, rows in by_cell.items()
        }
        return cls(first=np.cumsum(lengths) - lengths, rows=len(strata), cells=cells)

    def count(self, tallies: Mapping[str, Tally]) -> Counts:
        """Read k and n of every row; a cell without a tally has no observations."""
        k, n = np.zeros(self.rows, dtype=np.int64), np.zeros(self.rows, dtype=np.int64)
        for cell, (rows, hits, trials) in self.cells.items():
            if cell in tallies:
                running = np.concatenate([[0], np.cumsum(tallies[cell].vector)])
                k[rows], n[rows] = hits.sums(running), trials.sums(running)
        return Counts(k, n)

    def by_row(self, values: NDArray[Scalar], axis: int = 0) -> NDArray[Scalar]:
        """Repeat what each series has, along an axis, for its rows."""
        if self.rows == len(self.first):
            return values
        return np.asarray(np.repeat(values, np.diff(self.first, append=self.rows), axis=axis))

    def by_series(self, values: NDArray[Scalar], axis: int = 0) -> NDArray[Scalar]:
        """Add up the rows of each series along an axis."""
        if self.rows == len(self.first):
            return values
        return np.asarray(np.add.reduceat(values, self.first, axis=axis))


@dataclass(frozen=True, slots=True, eq=False)
class _Ranges:
    """Ranges of several rows, flat: row i owns the ranges from first[i] to first[i+1]."""

    first: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]

    @classmethod
    def of(cls, ranges: Iterable[tuple[Range, ...]]) -> _Ranges:
        listed = list(ranges)
        lengths = np.array([len(one) for one in listed], dtype=np.int64)
        flat = np.array(list(_flatten(listed)), dtype=np.int64).reshape(-1, 2)
        return cls(first=np.cumsum(lengths) - lengths, low=flat[:, 0], high=flat[:, 1])

    def sums(self, running: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(np.add.reduceat(running[self.high] - running[self.low], self.first), dtype=np.int64)


def _flatten(listed: Iterable[tuple[Range, ...]]) -> Iterator[Range]:
    for ranges in listed:
        yield from ranges
