"""Profiles: how films with and without each finding looked in the reference, so that it can be reweighted to another prevalence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.plan import ALL
from detectors.schema import SCORE_BINS, Schema
from detectors.tally import Tally, tally_cells

GROUPS = 20
"""Groups of about equal share that scores are compared in."""
EVENTS_NEEDED = 50
"""Positives, and negatives, that the reference needs of a finding."""
SOFT_MIDDLE = 0.5

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """Condensed tallies of the reference's positives and negatives.

    A condensed tally is what lies before the scores in the flat vector (count, waves, features), then the scores of each finding, in
    all label states, in 20 groups.

    groups: group of each score bin [findings, 1000]. known: places of the findings with enough labels [k].
    positives, negatives: condensed tallies [k, size].
    """

    groups: NDArray[np.int16]
    known: NDArray[np.int16]
    positives: NDArray[np.int32]
    negatives: NDArray[np.int32]

    @classmethod
    def of(cls, schema: Schema, batch: Batch, embedded: NDArray[np.float64], whole: Tally) -> Profiles:
        """Condense the reference's films with and without each finding that has enough of both."""
        groups = np.array([_groups(whole.scores(finding).sum(axis=0)) for finding in schema.findings], dtype=np.int16)
        bare = cls(groups.reshape(len(schema.findings), SCORE_BINS), np.empty(0, np.int16), *(np.empty((0, 0), np.int32) for _ in range(2)))
        found = list(bare._sides(schema, batch, embedded))
        known = np.array([place for place, _, _ in found], dtype=np.int16)
        size = bare.condense(whole).size
        positives, negatives = (np.array([pair[side] for pair in found], dtype=np.int32).reshape(len(found), size) for side in (1, 2))
        return cls(bare.groups, known, positives, negatives)

    def condense(self, tally: Tally) -> Counts:
        """Condense a tally [size]."""
        schema, groups = tally.schema, self.groups
        scores = [
            np.bincount(groups[place], weights=tally.scores(finding).sum(axis=0), minlength=GROUPS).astype(np.int64)
            for place, finding in enumerate(schema.findings)
        ]
        return np.concatenate([tally.vector[: _head(schema)], *scores])

    def scores_at(self, schema: Schema, place: int) -> slice:
        """Where the scores of a finding lie in a condensed tally."""
        start = _head(schema) + GROUPS * place
        return slice(start, start + GROUPS)

    def _sides(self, schema: Schema, batch: Batch, embedded: NDArray[Any]) -> Iterator[tuple[int, Counts, Counts]]:
        for place in range(len(schema.findings)):
            labels = batch.labels[:, place]
            sides = (labels >= SOFT_MIDDLE, labels < SOFT_MIDDLE)
            if min(int(side.sum()) for side in sides) >= EVENTS_NEEDED:
                positive, negative = (self.condense(tally_cells(schema, batch.select(side), {}, (), embedded[side])[ALL]) for side in sides)
                yield place, positive, negative


def _head(schema: Schema) -> int:
    return schema.blocks[f"scores/{schema.findings[0]}"].start if schema.findings else schema.size


def _groups(counts: Counts) -> Counts:
    middle = np.cumsum(counts) - counts / 2
    return np.asarray(np.clip(middle * GROUPS / max(int(counts.sum()), 1), 0, GROUPS - 1), dtype=np.int64)
