"""Readings: many measurements as columns, because a model with twenty subgroups is read in thousands of numbers an hour."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Interval, Measurement, Verdict
from detectors.packing import DecodeError, pack, unpack

KIND, VERSION = b"SWMS", 1
VERDICTS = tuple(Verdict)
WORDED = ("name", "reason", "cell", "finding", "feature")

Codes = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Readings(Sequence[Measurement]):
    """Measurements, one a row of every column; read as a sequence of `Measurement`.

    words: what the codes of name, reason, cell, finding and feature stand for. value, low, high, limit: NaN where there is none.
    verdict: place in VERDICTS.

    >>> one = Measurement("auroc", 0.9, 400, Interval(0.85, 0.93), 0.8, Verdict.WITHIN, finding="opacity")
    >>> stored = Readings.of([one, Measurement.insufficient("auroc", 3, "20 needed", finding="nodule")]).to_bytes()
    >>> Readings.from_bytes(stored)[0] == one, [each.verdict.value for each in Readings.from_bytes(stored)]
    (True, ['within', 'insufficient'])
    """

    words: tuple[str, ...]
    name: Codes
    reason: Codes
    cell: Codes
    finding: Codes
    feature: Codes
    value: Floats
    low: Floats
    high: Floats
    limit: Floats
    n: NDArray[np.int64]
    verdict: NDArray[np.int8]

    @classmethod
    def of(cls, measurements: Iterable[Measurement]) -> Readings:
        """Put measurements into columns."""
        if isinstance(measurements, Readings):
            return measurements
        rows = list(measurements)
        codes: dict[str, int] = {}
        worded = {
            column: np.array([codes.setdefault(getattr(one, column), len(codes)) for one in rows], dtype=np.int32) for column in WORDED
        }
        ends = [(None, None) if one.interval is None else (one.interval.low, one.interval.high) for one in rows]
        return cls(
            words=tuple(codes),
            **worded,
            value=_floats([one.value for one in rows]),
            low=_floats([low for low, _ in ends]),
            high=_floats([high for _, high in ends]),
            limit=_floats([one.limit for one in rows]),
            n=np.array([one.n for one in rows], dtype=np.int64),
            verdict=np.array([VERDICTS.index(one.verdict) for one in rows], dtype=np.int8),
        )

    @classmethod
    def columns(
        cls,
        name: str,
        reason: Sequence[str],
        cell: Sequence[str],
        finding: Sequence[str],
        feature: Sequence[str],
        *,
        value: Floats,
        low: Floats,
        high: Floats,
        limit: Floats,
        n: NDArray[np.int64],
        verdict: NDArray[np.int8],
    ) -> Readings:
        """Take measurements of one name that are in columns already."""
        codes = {name: 0}
        worded = (
            np.array([codes.setdefault(word, len(codes)) for word in words], dtype=np.int32) for words in (reason, cell, finding, feature)
        )
        reasons, cells, findings, features = worded
        named = np.zeros(len(n), dtype=np.int32)
        return cls(tuple(codes), named, reasons, cells, findings, features, value, low, high, limit, n, verdict)

    @classmethod
    def joined(cls, parts: Iterable[Iterable[Measurement]]) -> Readings:
        """Put the measurements of several detectors below each other."""
        columns = [cls.of(part) for part in parts] or [cls.of(())]
        starts = np.cumsum([0, *(len(one.words) for one in columns)])
        arrays = {
            name: np.concatenate(
                [getattr(one, name) + (np.int32(start) if name in WORDED else 0) for one, start in zip(columns, starts, strict=False)]
            )
            for name in _ARRAYS
        }
        return cls(words=tuple(word for one in columns for word in one.words), **arrays)

    def take(self, rows: NDArray[np.int64]) -> Readings:
        """Pick rows."""
        return Readings(words=self.words, **{name: getattr(self, name)[rows] for name in _ARRAYS})

    def hiding(self, cells: Collection[str], reason: str) -> Readings:
        """Say of these cells nothing but why.

        >>> one = Measurement("auroc", 0.9, 7, Interval(0.85, 0.93), 0.8, Verdict.WITHIN, cell="site=north")
        >>> Readings.of([one]).hiding({"site=north"}, "few")[0] == Measurement.insufficient("auroc", 0, "few", cell="site=north")
        True
        """
        here = np.isin(self.cell, [code for code, word in enumerate(self.words) if word in cells])
        if not here.any():
            return self
        blank = {name: np.where(here, np.nan, getattr(self, name)) for name in ("value", "low", "high", "limit")}
        return replace(
            self,
            words=(*self.words, reason),
            reason=np.where(here, len(self.words), self.reason).astype(np.int32),
            n=np.where(here, 0, self.n),
            verdict=np.where(here, VERDICTS.index(Verdict.INSUFFICIENT), self.verdict).astype(np.int8),
            **blank,
        )

    @property
    def names(self) -> frozenset[str]:
        """Names of all measurements."""
        return frozenset(self.words[code] for code in np.unique(self.name))

    def where(self, **wanted: str) -> NDArray[np.int64]:
        """Rows in which every named column (name, cell, finding, feature) says just this word."""
        chosen = np.ones(len(self), dtype=bool)
        for column, word in wanted.items():
            codes = [code for code, known in enumerate(self.words) if known == word]
            chosen &= np.isin(getattr(self, column), codes)
        return np.flatnonzero(chosen)

    def __len__(self) -> int:
        return len(self.n)

    @overload
    def __getitem__(self, place: int) -> Measurement: ...

    @overload
    def __getitem__(self, place: slice) -> list[Measurement]: ...

    def __getitem__(self, place: int | slice) -> Measurement | list[Measurement]:
        """Read one row, or some."""
        if isinstance(place, slice):
            return [self[row] for row in range(*place.indices(len(self)))]
        low, high = float(self.low[place]), float(self.high[place])
        return Measurement(
            name=self.words[self.name[place]],
            value=_known(float(self.value[place])),
            n=int(self.n[place]),
            interval=None if low != low else Interval(low, high),  # noqa: PLR0124  (NaN is not itself)
            limit=_known(float(self.limit[place])),
            verdict=VERDICTS[self.verdict[place]],
            reason=self.words[self.reason[place]],
            cell=self.words[self.cell[place]],
            finding=self.words[self.finding[place]],
            feature=self.words[self.feature[place]],
        )

    def __iter__(self) -> Iterator[Measurement]:
        return (self[row] for row in range(len(self)))

    def to_bytes(self) -> bytes:
        """Versioned bytes; no pickle."""
        return pack(KIND, VERSION, {"words": self.words}, {name: getattr(self, name) for name in _ARRAYS}, level=1)

    @classmethod
    def from_bytes(cls, packed: bytes) -> Readings:
        """Undo `to_bytes`. Raises DecodeError for foreign or damaged bytes."""
        header, arrays = unpack(KIND, VERSION, packed)
        try:
            return cls(words=tuple(_texts(header)), **arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise DecodeError("the readings are damaged") from error


_ARRAYS = tuple(one.name for one in fields(Readings) if one.name != "words")


def _texts(header: Mapping[str, Any]) -> list[str]:
    return list(map(str, header["words"]))


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _known(value: float) -> float | None:
    return None if value != value else value  # noqa: PLR0124  (NaN is not itself)
