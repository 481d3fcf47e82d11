"""Patients: how many there are behind some films, and how much less than independent films theirs are worth.

A tally keeps no patient. It counts films in 256 buckets, by a hash of the patient's pseudonym, and these counts add. Few patients fill few
buckets, so a handful is told almost exactly; and films of one patient fall into one bucket, so the sum of squared counts tells how films cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.plan import ALL
from detectors.schema import PATIENT_BUCKETS, Schema
from detectors.series import Family
from detectors.tally import Tally

USUAL_CORRELATION = 0.3
"""Of right and wrong decisions on two films of one patient, as far as the reference does not tell."""
PAIRS_OF_PRIOR = 20
"""Pairs of films of one patient that this is worth."""
SOFT_MIDDLE = 0.5

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Dispersion = Callable[[str, str], float]
"""Of a finding in a cell."""


class Clustered(Protocol):
    """What is asked of a reference."""

    @property
    def correlation(self) -> Mapping[str, float]: ...

    def dispersion_of(self, family: Family, *, cell: str = ALL, feature: str = "", finding: str = "") -> float: ...


def count_patients(counts: Counts) -> float:
    """Estimate how many patients there are; a film that names none is one of its own.

    Linear counting: with a share e of buckets empty, -B log e patients. At least the number of filled buckets, at most the films.

    Source:
        Whang, Vander-Zanden, Taylor 1990, ACM Transactions on Database Systems 15:208.

    >>> counts = np.zeros(1 + PATIENT_BUCKETS, dtype=np.int64)
    >>> counts[[3, 70, 200]] = 40, 1, 1
    >>> round(count_patients(counts))
    3
    """
    unnamed, named = int(counts[0]), counts[1:]
    empty = max(int((named == 0).sum()), 1)
    return unnamed + min(-PATIENT_BUCKETS * float(np.log(empty / PATIENT_BUCKETS)), float(named.sum()))


def films_of_a_patient(counts: Counts) -> float:
    """Mean number of films of the patient of a film: sum m^2 / sum m over patients with m films each; at least 1.

    Expected squares of bucket counts are (1 - 1/B) sum m^2 + n^2 / B, which is solved for the first sum.

    Source:
        Alon, Matias, Szegedy 1999, Journal of Computer and System Sciences 58:137 (second moments by hashing).
    """
    named, unnamed = counts[1:].astype(np.float64), float(counts[0])
    n = float(named.sum())
    if n + unnamed <= 0:
        return 1.0
    squares = (float((named**2).sum()) - n**2 / PATIENT_BUCKETS) / (1 - 1 / PATIENT_BUCKETS)
    return max((max(squares, n) + unnamed) / (n + unnamed), 1.0)


def correlations(schema: Schema, batch: Batch) -> dict[str, float]:
    """Correlation of right decisions on films of one patient, for every finding, as the reference shows it.

    Mean product of the residuals of two films of one patient (right or not, less the share of right ones in their class) over their variance,
    held towards 0.3 where such pairs are few; 0 at least.
    """
    if batch.patients is None:
        return dict.fromkeys(schema.findings, USUAL_CORRELATION)
    return {finding: _correlation(batch, place, schema.thresholds[place]) for place, finding in enumerate(schema.findings)}


def performance_dispersion(reference: Clustered, window: Mapping[str, Tally]) -> Dispersion:
    """Dispersion of decisions in this window, by finding and cell.

    The reference's own, or the design effect of repeated patients, 1 + (films of a patient - 1) * correlation, where that is larger.

    Source:
        Kish 1965, Survey Sampling, 5.4 (design effect).
    """
    films = {cell: films_of_a_patient(tally.patients()) for cell, tally in window.items()}

    def dispersion(finding: str, cell: str = ALL) -> float:
        effect = 1 + (films.get(cell, 1.0) - 1) * reference.correlation.get(finding, USUAL_CORRELATION)
        return max(reference.dispersion_of("performance", cell=cell, finding=finding), effect)

    return dispersion


def _correlation(batch: Batch, place: int, threshold: float) -> float:
    labels = batch.labels[:, place]
    known = ~np.isnan(labels) & (batch.patients >= 0)  # type: ignore[operator]  # asked for only where patients are known
    positive, patient = labels[known] >= SOFT_MIDDLE, batch.patients[known]  # type: ignore[index]  # as above
    right = ((batch.scores[known, place] >= threshold) == positive).astype(np.float64)
    residual = right - np.where(positive, _mean(right[positive]), _mean(right[~positive]))
    _, number = np.unique(patient, return_inverse=True)
    films, sums, squares = (np.bincount(number, weights) for weights in (np.ones(len(number)), residual, residual**2))
    pairs = float((films * (films - 1)).sum()) / 2
    variance = float((residual**2).mean()) if len(residual) else 0.0
    observed = float((sums**2 - squares).sum()) / 2 / variance if variance > 0 else 0.0
    return max((observed + PAIRS_OF_PRIOR * USUAL_CORRELATION) / (pairs + PAIRS_OF_PRIOR), 0.0)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0
