"""Arrays: any measurement from two sets of plain arrays, without plan or schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.plan import ALL, Plan
from detectors.reference import Reference, build_reference
from detectors.tally import Tally, tally

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """Some predictions, as whatever arrays are at hand; row i of each is the same film.

    features: name -> [n], numbers (NaN: missing) or words (None: missing). scores: logits, [n] or [n, findings].
    labels: of the shape of scores, 0..1, NaN where nobody has said. embedding: [n, d].
    flags: name -> [n], whether the film is clipped, inverted, ...
    """

    features: Mapping[str, Any] = field(default_factory=dict)
    scores: Array | None = None
    labels: Array | None = None
    embedding: Array | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        given = [
            np.asarray(one)
            for one in (*self.features.values(), *self.flags.values(), self.scores, self.labels, self.embedding)
            if one is not None
        ]
        return len(given[0]) if given else 0

    @property
    def numeric(self) -> tuple[str, ...]:
        """Features that are numbers."""
        return tuple(name for name, column in self.features.items() if np.issubdtype(np.asarray(column).dtype, np.number))

    def batch(self) -> Batch:
        """The same as columns of a plan."""
        scores = _matrix(self.scores, len(self))
        labels = np.full(scores.shape, np.nan) if self.labels is None else _matrix(self.labels, len(self)).astype(np.float64)
        numbers = set(self.numeric)
        return Batch(
            scores=scores,
            labels=labels,
            numeric={name: np.asarray(self.features[name], dtype=np.float64) for name in numbers},
            categorical={name: np.asarray(column, dtype=object) for name, column in self.features.items() if name not in numbers},
            embedding=_matrix(self.embedding, len(self)),
            flags=np.stack([np.asarray(one, dtype=bool) for one in self.flags.values()], axis=1) if self.flags else None,
        )


def reference_of(arrays: Arrays, days: Array | None = None, threshold: float = 0.0) -> Reference:
    """Freeze what is normal. days: day number of each film, so that the scatter from day to day is learnt; one day without it.

    Findings are named finding_1, finding_2, ... in the order of the scores; threshold: operating point of each, as a logit.
    """
    batch = arrays.batch()
    findings = tuple(f"finding_{number + 1}" for number in range(batch.scores.shape[1]))
    plan = Plan(
        findings, (threshold,) * len(findings), numeric=arrays.numeric, categorical=tuple(batch.categorical), flags=tuple(arrays.flags)
    )
    return build_reference(plan, batch, {}, np.zeros(len(batch), dtype=np.int64) if days is None else days)


def window_of(reference: Reference, arrays: Arrays) -> dict[str, Tally]:
    """Sum up what is to be compared; what every detector takes beside the reference."""
    return {ALL: tally(reference.schema, arrays.batch())}


def _matrix(given: Array | None, n: int) -> Array:
    if given is None:
        return np.empty((n, 0))
    array = np.asarray(given)
    return array[:, None] if array.ndim == 1 else array
