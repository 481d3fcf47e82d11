"""A tally: sufficient statistics of some predictions, exact under addition."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.coding import check, count_places, flag_columns, pair_columns, sum_places, wave_columns, weighted_places
from detectors.packing import DecodeError, expand, squeeze
from detectors.plan import ALL
from detectors.schema import MASS_BINS, NEGATIVE, POSITIVE, Schema

FIXED_POINT = 2.0**30
"""Real sums are kept as integers of 2**-30: exact and order-free under addition, 9e-10 a row, room for 5e8 rows."""

WEIGHED_POINT = 2.0**20
"""The same for weighted sums, whose terms are larger: squares of weights reach a million."""

VERSION = 5
MAGNITUDE = 2**63 - 1
ESCAPE = 255
HEAD = struct.Struct("<IB")
ROWS_AT_ONCE = 4096
"""Rows coded at once; bounds the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """A schema and one flat int64 vector [schema.size].

    Every entry is a sum over predictions, so tallies of disjoint sets add: any window, union of sites or month is an addition,
    exact, in any order, with `Tally.zero` as neutral element.
    """

    schema: Schema
    vector: NDArray[np.int64]

    @classmethod
    def zero(cls, schema: Schema) -> Tally:
        """Tally of no predictions."""
        return cls(schema, np.zeros(schema.size, dtype=np.int64))

    def __add__(self, other: Tally) -> Tally:
        if self.schema.digest != other.schema.digest:
            raise ValueError("tallies of different schemas do not add")
        return Tally(self.schema, self.vector + other.vector)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and self.schema.digest == other.schema.digest and bool(np.array_equal(self.vector, other.vector))

    __hash__ = None  # type: ignore[assignment]  # an array has none

    @property
    def n(self) -> int:
        """Number of predictions."""
        return int(self.vector[0])

    def feature(self, name: str) -> NDArray[np.int64]:
        """Read the counts of a feature in its bins."""
        return self.schema.blocks[f"feature/{name}"].of(self.vector)

    def scores(self, finding: str) -> NDArray[np.int64]:
        """Read the score histogram [label states, 1000]."""
        return self.schema.blocks[f"scores/{finding}"].of(self.vector)

    def decisions(self, finding: str) -> NDArray[np.int64]:
        """Read the counts below and at or above the threshold [label states, 2]."""
        return self.schema.blocks[f"decisions/{finding}"].of(self.vector)

    def groups(self, finding: str) -> NDArray[np.int64]:
        """Count labelled and positive predictions in each calibration group [2, groups]."""
        return self.schema.blocks[f"groups/{finding}"].of(self.vector)

    def expected(self, finding: str) -> NDArray[np.float64]:
        """Read the sums of soft labels and of probabilities in each calibration group, labelled predictions only [2, groups]."""
        return self.schema.blocks[f"expected/{finding}"].of(self.vector) / FIXED_POINT

    def losses(self, finding: str) -> NDArray[np.float64]:
        """Read the sums over labelled predictions: BRIER, EXCESS, VARIANCE, LOG_LOSS of schema.py [4]."""
        return self.schema.blocks[f"losses/{finding}"].of(self.vector) / FIXED_POINT

    def strata(self, finding: str) -> NDArray[np.int64]:
        """Count predictions by label state and stratum of the score [label states, strata]; `Schema.strata` has their ends."""
        return self.schema.blocks[f"strata/{finding}"].of(self.vector)

    def readings(self, finding: str) -> NDArray[np.float64]:
        """Read what is known of each stratum: READ, WEIGHT, WEIGHTED_POSITIVE, SQUARE, SQUARED_POSITIVE of schema.py [5, strata]."""
        negative, positive = self.strata(finding)[[NEGATIVE, POSITIVE]]
        counted = np.stack([negative + positive, negative + positive, positive, negative + positive, positive])
        return np.asarray(counted + self.schema.blocks[f"reading/{finding}"].of(self.vector) / WEIGHED_POINT)

    def mass(self, finding: str) -> NDArray[np.float64]:
        """Read the weighted expected number of negatives and of positives by score [2, 125]; with plain labels, their counts."""
        counted = self.scores(finding)[[NEGATIVE, POSITIVE]].reshape(2, MASS_BINS, -1).sum(axis=2)
        return np.asarray(counted + self.schema.blocks[f"mass/{finding}"].of(self.vector) / WEIGHED_POINT)

    def delays(self, finding: str) -> NDArray[np.int64]:
        """Count first labels by their delay [19]; `schema.DELAYS` has the ends of the bins."""
        return self.schema.blocks[f"delays/{finding}"].of(self.vector)

    def pairs(self, finding: str) -> NDArray[np.int64]:
        """Count pairs of readers of one film of whom both, one and none saw the finding [3]."""
        return self.schema.blocks[f"pairs/{finding}"].of(self.vector)

    def patients(self) -> NDArray[np.int64]:
        """Count films that name no patient, then films by the hash of their patient [1 + 256]."""
        return self.schema.blocks["patients"].of(self.vector)

    def nothing(self) -> NDArray[np.int64]:
        """Count films by whether anything is there (not known, nothing, something) and whether anything was flagged [3, 2]."""
        return self.schema.blocks["nothing"].of(self.vector)

    def flagged(self) -> NDArray[np.int64]:
        """Count films with each flag of the schema [flags]."""
        return self.schema.blocks["flags"].of(self.vector) if self.schema.flags else np.zeros(0, dtype=np.int64)

    def waves(self) -> NDArray[np.int64]:
        """Read the number of films with an embedding, then the sums of its Fourier features [1 + 512]; zeros in a cell that keeps none."""
        return self.schema.blocks["waves"].of(self.vector)

    def encode(self) -> bytes:
        """Sparse, compressed bytes: version, schema digest, then gaps between filled places and what they hold.

        What they hold has its sign last, so that small numbers have small bytes: one each, and eight more for the few of ESCAPE or above.
        """
        places = np.flatnonzero(self.vector)
        gaps, values = np.diff(places, prepend=0), self.vector[places]
        held = ((values << 1) ^ (values >> 63)).view(np.uint64)
        width = 2 if gaps.max(initial=0) < 2**16 else 4
        large = held[held >= ESCAPE]
        parts = (_sliced(gaps, width), np.minimum(held, ESCAPE).astype(np.uint8), _sliced(large, 8))
        head = HEAD.pack(len(places), width)
        return bytes([VERSION]) + self.schema.digest + squeeze(head + b"".join(part.tobytes() for part in parts))

    @classmethod
    def decode(cls, schema: Schema, encoded: bytes) -> Tally:
        """Undo `encode`. Raises DecodeError for foreign or damaged bytes."""
        return cls.decode_sum(schema, [encoded])

    @classmethod
    def decode_sum(cls, schema: Schema, encoded: Iterable[bytes]) -> Tally:
        """Add up encoded tallies; the same as adding them one by one, in less time, because only what they fill is looked at."""
        vector = np.zeros(schema.size, dtype=np.int64)
        parts = [part for one in encoded if len((part := _parts(schema, one))[0])]
        if parts:
            gaps, small, large = (np.concatenate(column) for column in zip(*parts, strict=True))
            filled = np.array([len(one) for one, _, _ in parts])
            ends = np.cumsum(filled)
            running = np.cumsum(gaps, dtype=np.int64)
            places = running - np.repeat(np.concatenate([[0], running[ends[:-1] - 1]]), filled)
            stuck, held = gaps == 0, small.astype(np.int64)
            stuck[ends - filled] = False
            if stuck.any() or places[ends - 1].max() >= schema.size:
                raise DecodeError("the tally is damaged")
            held[small == ESCAPE] = large
            np.add.at(vector, places, (held >> 1 & MAGNITUDE) ^ -(held & 1))
        return cls(schema, vector)


def tally_of(schema: Schema, window: Mapping[str, Tally], cell: str) -> Tally:
    """Tally of a cell of a window; of no predictions where the window lacks the cell."""
    return window[cell] if cell in window else Tally.zero(schema)


def added(schema: Schema, tallies: Iterable[Tally]) -> Tally:
    """Add tallies up."""
    return sum(tallies, start=Tally.zero(schema))


def tally(schema: Schema, batch: Batch) -> Tally:
    """Tally some predictions.

    Raises:
        ValueError: a score is not a number, a label is outside 0..1, or a feature of the schema is absent from the batch.
    """
    return tally_cells(schema, batch, {})[ALL]


def tally_cells(
    schema: Schema,
    batch: Batch,
    cells: Mapping[str, NDArray[Any]],
    waves: Collection[str] | None = None,
    embedded: NDArray[np.float64] | None = None,
) -> dict[str, Tally]:
    """Tally some predictions as a whole and in each cell, looking at each row once.

    Args:
        schema: What to count.
        batch: The predictions, in any order.
        cells: Cell -> boolean mask over the rows of the batch.
        waves: Cells, beside "all", that keep the Fourier sums of the embedding (about a kilobyte each where stored); None: every cell.
        embedded: What the projection reads of the embedding, where it was read before.

    Returns:
        A tally for "all" and for every cell of the mapping.
    """
    check(schema, batch)
    masks = {ALL: np.ones(len(batch), dtype=bool)} | {cell: np.asarray(mask, dtype=bool) for cell, mask in cells.items()}
    waving = set(masks) if waves is None else {ALL, *waves}
    block = schema.blocks["waves"]
    vectors = {cell: np.zeros(schema.size, dtype=np.int64) for cell in masks}
    for start in range(0, len(batch), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        part = batch.select(rows)
        read = schema.projection.apply(part.embedding) if embedded is None else embedded[rows]
        places, columns = count_places(schema, part, read), wave_columns(schema, read)
        labelled, sum_at, numbers = sum_places(schema, part)
        fixed = np.rint(numbers * FIXED_POINT)
        weighing, weighed_at, weighed = weighted_places(schema, part)
        paired, flagged = pair_columns(part), flag_columns(schema, part)
        for cell, mask in masks.items():
            chosen = mask[rows]
            vectors[cell] += np.bincount(places[chosen].ravel(), minlength=schema.size)[: schema.size]
            if cell in waving:
                block.of(vectors[cell])[:] += columns[chosen].sum(axis=0, dtype=np.int64)
            vectors[cell] += _exact_sums(sum_at[:, chosen[labelled]], fixed[:, chosen[labelled]], schema.size)
            if paired is not None:
                for place, finding in enumerate(schema.findings):
                    schema.blocks[f"pairs/{finding}"].of(vectors[cell])[:] += paired[chosen, place].sum(axis=0)
            if flagged is not None:
                schema.blocks["flags"].of(vectors[cell])[:] += flagged[chosen].sum(axis=0)
            if weighing.size:  # few are, and their sums pass what a double holds exactly
                inside = chosen[weighing]
                np.add.at(vectors[cell], weighed_at[:, inside], np.rint(weighed[:, inside] * WEIGHED_POINT).astype(np.int64))
    return {cell: Tally(schema, vector) for cell, vector in vectors.items()}


def _sliced(values: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """Lowest bytes of all values, then the next ones [width, values]: like beside like packs well."""
    return np.ascontiguousarray(values.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T)


def _whole(sliced: NDArray[np.uint8], width: int, kind: str) -> NDArray[Any]:
    """Undo `_sliced`."""
    return np.ascontiguousarray(sliced.reshape(width, -1).T).view(f"<{kind}{width}").ravel()


def _parts(schema: Schema, encoded: bytes) -> tuple[NDArray[Any], NDArray[np.uint8], NDArray[np.int64]]:
    """Gaps, small numbers and large ones of an encoded tally."""
    if encoded[:1] != bytes([VERSION]):
        raise DecodeError("the tally was written by another release; build the reference anew (stepwedge reference propose)")
    if encoded[1:17] != schema.digest:
        raise DecodeError("the tally belongs to another schema")
    try:
        payload = expand(encoded[17:])
        filled, width = HEAD.unpack_from(payload)
        bytes_ = np.frombuffer(payload, dtype=np.uint8, offset=HEAD.size)
        gaps, small, large = bytes_[: width * filled], bytes_[width * filled : (width + 1) * filled], bytes_[(width + 1) * filled :]
        if len(large) != 8 * np.count_nonzero(small == ESCAPE):
            raise DecodeError("the tally is damaged")
        return _whole(gaps, width, "u"), small, _whole(large, 8, "i")
    except (struct.error, TypeError, ValueError) as error:
        raise DecodeError("the tally is damaged") from error


def _exact_sums(places: NDArray[np.int64], fixed: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Add integers held in doubles: exact up to 2**53, far above 4,096 rows of at most 17 * 2**30."""
    return np.bincount(places.ravel(), weights=fixed.ravel(), minlength=size).astype(np.int64)
