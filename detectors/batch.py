"""A batch: some predictions as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.plan import Plan

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Predictions as columns; row i of every array is the same prediction.

    scores: [n, findings], logits in the order of the plan.
    labels: [n, findings], NaN where nobody has said; between 0 and 1, soft labels allowed.
    numeric: feature -> [n], NaN where missing.
    categorical: feature -> [n] strings (object array), None where missing.
    embedding: [n, d]; d is 0 for a model without one, a row of NaN where it is missing.
    weights: [n, findings], one over the probability with which the label was asked for; None: every film was to be labelled.
    delays: [n, findings], days from the film to its first label, NaN where there is none; None: not known.
    pairs: [n, findings, 3], pairs of readers of whom both, one and none saw the finding; None: no film had two readers.
    patients: [n], a number for each patient, -1 where the film names none; None: not known.
    flags: [n, flags] in the order of the plan's, what is plainly wrong with the film; None: nothing is.
    """

    scores: Floats
    labels: Floats
    numeric: Mapping[str, Floats]
    categorical: Mapping[str, NDArray[Any]]
    embedding: Floats
    weights: Floats | None = None
    delays: Floats | None = None
    pairs: NDArray[np.int64] | None = None
    patients: NDArray[np.int64] | None = None
    flags: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        n = len(self.scores)
        columns = (*self.numeric.values(), *self.categorical.values())
        if self.scores.ndim != 2 or self.labels.shape != self.scores.shape:  # noqa: PLR2004  (rows and findings)
            raise ValueError("scores and labels are [n, findings] and of one shape")
        if self.embedding.ndim != 2 or len(self.embedding) != n or any(column.shape != (n,) for column in columns):  # noqa: PLR2004  (rows and dimensions)
            raise ValueError("every column of a batch has one row a prediction")
        if any(given is not None and given.shape != self.scores.shape for given in (self.weights, self.delays)):
            raise ValueError("weights and delays of labels are [n, findings] and of the shape of scores")
        if self.patients is not None and self.patients.shape != (n,):
            raise ValueError("there is one patient a prediction")
        if self.flags is not None and (self.flags.ndim != 2 or len(self.flags) != n):  # noqa: PLR2004  (rows and flags)
            raise ValueError("flags are [n, flags]")

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls, plan: Plan, dimensions: int = 0) -> Batch:
        """No predictions of this plan, with an embedding of so many dimensions."""
        none = np.empty((0, len(plan.findings)))
        return cls(
            scores=none,
            labels=none,
            numeric={name: np.empty(0) for name in plan.numeric},
            categorical={name: np.empty(0, dtype=object) for name in plan.categorical},
            embedding=np.empty((0, dimensions)),
        )

    def select(self, rows: NDArray[Any] | slice) -> Batch:
        """Pick rows by a mask, an index array or a slice."""
        return Batch(
            scores=self.scores[rows],
            labels=self.labels[rows],
            numeric={name: column[rows] for name, column in self.numeric.items()},
            categorical={name: column[rows] for name, column in self.categorical.items()},
            embedding=self.embedding[rows],
            weights=None if self.weights is None else self.weights[rows],
            delays=None if self.delays is None else self.delays[rows],
            pairs=None if self.pairs is None else self.pairs[rows],
            patients=None if self.patients is None else self.patients[rows],
            flags=None if self.flags is None else self.flags[rows],
        )
