"""The schema: which number lies where in the flat vector of a tally."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.bins import CategoricalBins, NumericBins
from detectors.kernel import Kernel
from detectors.plan import Plan
from detectors.projection import DISTANCE, Projection

SCORE_BINS = 1000
SCORE_RANGE = 16.0
"""Scores are binned uniformly in logit on [-16, 16]; what lies outside falls into the outermost bins."""

UNLABELLED, NEGATIVE, POSITIVE = range(3)
"""Label states, the first axis of scores, decisions and strata. A soft label of one half or more counts as positive.

A label that was asked for with another probability than its neighbours' (a weight other than 1) would bend plain counts: in them
its film counts as unlabelled. It enters the weighted sums only, see verification.py."""

CALIBRATION_GROUPS = 10
OUTLYING = (0.99, 0.999)
"""Shares of the reference at whose ends the distance of an embedding is cut too: beyond them lies what the model hardly ever saw."""
BRIER, EXCESS, VARIANCE, LOG_LOSS = range(4)
"""Order of the sums of one finding: Brier, Spiegelhalter's excess and its variance, negative log likelihood (natural)."""
READ, WEIGHT, WEIGHTED_POSITIVE, SQUARE, SQUARED_POSITIVE = range(5)
"""Order of the sums of a stratum: labels, and of weight w and label y the sums of w, w y, w^2, w^2 y."""
MASS_BINS = 125
"""Bins of the weighted score histogram, each eight score bins wide; fewer, since most labels weigh one and count in the fine bins."""
PATIENT_BUCKETS = 256
"""Of the hash by which films are counted by patient, see patients.py."""
DELAYS = (1 / 24, 2 / 24, 4 / 24, 8 / 24, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 21.0, 30.0, 45.0, 60.0, 90.0, 180.0)
"""Ends, in days, of the bins of the delay of a first label; beyond the last lies one more bin."""


@dataclass(frozen=True, slots=True)
class Block:
    """Where one array lies in the flat vector."""

    start: int
    shape: tuple[int, ...]

    @property
    def stop(self) -> int:
        return self.start + prod(self.shape)

    def of(self, vector: NDArray[np.int64]) -> NDArray[np.int64]:
        """View of this array in a vector."""
        return vector[self.start : self.stop].reshape(self.shape)

    def at(self, *index: int) -> int:
        """Position of one element in the flat vector."""
        return self.start + int(np.ravel_multi_index(index, self.shape))


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """What a tally counts, frozen with the reference. Two schemas with one digest mean the same.

    findings, thresholds: as in the plan.
    groups: per finding, the score quantiles of the reference that divide its calibration groups.
    numeric, categorical: bins of each feature; the embedding's components and its distance are numeric features.
    flags: what may be plainly wrong with a film, by name; none in a reference of an earlier release.
    projection: the embedding's frozen principal components. kernel: frozen frequencies of its random Fourier features.

    Blocks of the flat vector (shapes; counts unless said otherwise):
    predictions [1]; waves [1 + 512], films with an embedding, then the sums of its Fourier features in steps of 1/8, both zero in a
    cell that does not keep them; feature/<name> [bins]; scores/<finding> [label states, 1000]; decisions/<finding> [label states, below or at
    the threshold]; groups/<finding> [labelled or positive, groups]; expected/<finding> [soft labels or probabilities, groups] and
    losses/<finding> [4], both in fixed point (2**-30) over labels of weight 1; strata/<finding> [label states, strata] (see `strata_of`);
    reading/<finding> [5, strata] and mass/<finding> [negative or positive, 125], what weights and soft labels change against these plain
    counts, in fixed point (2**-20): nothing where all labels are 0 or 1 and weigh one; delays/<finding> [19] of first labels;
    pairs/<finding> [3] of readers of whom both, one or none saw the finding; flags [flags], films with each.
    patients [1 + 256], films that name no patient, then by the hash of the patient; nothing [label states, none or some flagged]: a film is
    negative if each finding is labelled and absent, positive if one is there, of labels that weigh one.
    """

    findings: tuple[str, ...]
    thresholds: tuple[float, ...]
    groups: tuple[tuple[float, ...], ...]
    numeric: Mapping[str, NumericBins]
    categorical: Mapping[str, CategoricalBins]
    projection: Projection
    kernel: Kernel
    flags: tuple[str, ...] = ()
    blocks: Mapping[str, Block] = field(init=False)
    size: int = field(init=False)
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        shapes = dict(_shapes(self))
        starts = [0, *accumulate(prod(shape) for shape in shapes.values())]
        object.__setattr__(
            self, "blocks", {name: Block(start, shape) for (name, shape), start in zip(shapes.items(), starts, strict=False)}
        )
        object.__setattr__(self, "size", starts[-1])
        object.__setattr__(self, "digest", _digest(self))

    @classmethod
    def of(cls, plan: Plan, batch: Batch) -> Schema:
        """Fix bins, groups and components from the predictions of the reference."""
        return cls.fix(plan, batch, *Projection.learn(batch.embedding))

    @classmethod
    def fix(cls, plan: Plan, batch: Batch, projection: Projection, read: NDArray[np.float64]) -> Schema:
        """Fix bins and groups, where the components and what they read of the reference are known."""
        columns = {name: batch.numeric[name] for name in plan.numeric} | dict(zip(projection.features, read.T, strict=True))
        shares = np.arange(1, CALIBRATION_GROUPS) / CALIBRATION_GROUPS
        quantiles = np.quantile(batch.scores, shares, axis=0, method="inverted_cdf").T if len(batch) else [()] * len(plan.findings)
        return cls(
            findings=plan.findings,
            thresholds=plan.thresholds,
            groups=tuple(tuple(np.unique(cuts).astype(float).tolist()) for cuts in quantiles),
            numeric={name: NumericBins.of(column, further=OUTLYING if name == DISTANCE else ()) for name, column in columns.items()},
            categorical={name: CategoricalBins.of(name, batch.categorical[name]) for name in plan.categorical},
            projection=projection,
            kernel=Kernel.of(read[:, : len(projection.components)]),
            flags=plan.flags,
        )

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature: numbers, components of the embedding, categories."""
        return (*self.numeric, *self.categorical)

    @property
    def strata(self) -> tuple[tuple[float, ...], ...]:
        """Scores that divide the strata of each finding: its calibration groups, cut once more at the operating point.

        So every stratum is flagged as a whole or not at all, and a share of what was read stands for films much like it.
        """
        return tuple(tuple(sorted({*cuts, threshold})) for cuts, threshold in zip(self.groups, self.thresholds, strict=True))

    def flagged(self, finding: str) -> NDArray[np.bool_]:
        """Say of each stratum of a finding whether it is flagged [strata]."""
        place = self.findings.index(finding)
        ends = self.strata[place]
        return np.arange(len(ends) + 1) > ends.index(self.thresholds[place])

    def bin_labels(self, feature: str) -> tuple[str, ...]:
        """Return what each bin of a feature holds."""
        return (self.numeric.get(feature) or self.categorical[feature]).labels

    def describe(self) -> dict[str, Any]:
        """Everything but projection and kernel, as JSON: the inverse of `restore`."""
        return {
            "findings": self.findings,
            "thresholds": self.thresholds,
            "groups": self.groups,
            "numeric": [[name, bins.low, bins.high, bins.cuts] for name, bins in self.numeric.items()],
            "categorical": [[name, bins.counted, sorted(bins.others)] for name, bins in self.categorical.items()],
            **({"flags": self.flags} if self.flags else {}),
        }

    @classmethod
    def restore(cls, described: Mapping[str, Any], projection: Projection, kernel: Kernel) -> Schema:
        """Rebuild a schema from `describe`, its projection and its kernel."""
        return cls(
            findings=tuple(described["findings"]),
            thresholds=tuple(described["thresholds"]),
            groups=tuple(map(tuple, described["groups"])),
            numeric={name: NumericBins(low, high, tuple(cuts)) for name, low, high, cuts in described["numeric"]},
            categorical={
                name: CategoricalBins(name, tuple(counted), frozenset(others)) for name, counted, others in described["categorical"]
            },
            projection=projection,
            kernel=kernel,
            flags=tuple(described.get("flags", ())),
        )


def score_bin(scores: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Bin of each logit.

    >>> score_bin(np.array([-np.inf, -16.0, 0.0, 15.99, 99.0])).tolist()
    [0, 0, 500, 999, 999]
    """
    place: NDArray[np.float64] = np.floor((np.asarray(scores, dtype=np.float64) + SCORE_RANGE) * (SCORE_BINS / (2 * SCORE_RANGE)))
    return np.asarray(np.clip(place, 0, SCORE_BINS - 1), dtype=np.int64)


def score_centers() -> NDArray[np.float64]:
    """Logit in the middle of each score bin [1000]."""
    return (np.arange(SCORE_BINS) + 0.5) * (2 * SCORE_RANGE / SCORE_BINS) - SCORE_RANGE


def _shapes(schema: Schema) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "predictions", (1,)
    yield "waves", (1 + schema.kernel.size,)
    yield "patients", (1 + PATIENT_BUCKETS,)
    yield "nothing", (3, 2)
    for name, numeric in schema.numeric.items():
        yield f"feature/{name}", (numeric.size,)
    for name, categorical in schema.categorical.items():
        yield f"feature/{name}", (categorical.size,)
    for finding, cuts in zip(schema.findings, schema.groups, strict=True):
        yield f"scores/{finding}", (3, SCORE_BINS)
        yield f"decisions/{finding}", (3, 2)
        yield f"groups/{finding}", (2, len(cuts) + 1)
        yield f"expected/{finding}", (2, len(cuts) + 1)
        yield f"losses/{finding}", (4,)
    for finding, ends in zip(schema.findings, schema.strata, strict=True):
        yield f"strata/{finding}", (3, len(ends) + 1)
        yield f"reading/{finding}", (5, len(ends) + 1)
        yield f"mass/{finding}", (2, MASS_BINS)
        yield f"delays/{finding}", (len(DELAYS) + 1,)
        yield f"pairs/{finding}", (3,)
    if schema.flags:
        yield "flags", (len(schema.flags),)


def _digest(schema: Schema) -> bytes:
    text = json.dumps(schema.describe(), separators=(",", ":"), allow_nan=False)
    frozen = (schema.projection.mean, schema.projection.components, schema.projection.variances, schema.kernel.frequencies)
    return hashlib.sha256(text.encode() + b"".join(array.tobytes() for array in frozen)).digest()[:16]
