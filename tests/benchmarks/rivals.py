"""Rivals: what people watch a rate with today. Each looks at closed weeks against the reference period and says which series are in alarm."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

Matrix = NDArray[np.float64]
Hits = NDArray[np.int64]
Marks = NDArray[np.bool_]

WEEK = 7
PSI_LIMIT = 0.2
LEVEL = 0.05
SIGMAS = 3.0
SMALL = 1e-4
DATASET_SHARE = 0.5
"""Of drifted columns, from which the preset calls a dataset drifted by default."""


class Rival(Protocol):
    """How strongly each series [weeks, series] speaks for an alarm; at `limit` and above it is one."""

    limit: float

    def statistic(self, reference: Hits, weeks: Hits, films: int | Matrix) -> Matrix: ...


class Psi:
    """Population stability index of the week's two shares against the reference's, alarm above 0.2."""

    limit = PSI_LIMIT

    def statistic(self, reference: Hits, weeks: Hits, films: int | Matrix) -> Matrix:
        then = np.clip(reference.sum(axis=0) / (films * len(reference)), SMALL, 1 - SMALL)
        now = np.clip(weeks / (WEEK * films), SMALL, 1 - SMALL)
        return np.asarray((now - then) * (np.log(now / then) - np.log((1 - now) / (1 - then))))


class ChiSquare:
    """Chi-square test of the week against the reference, Bonferroni over the series; the statistic is -log10 of p times the series."""

    limit = -np.log10(LEVEL)

    def statistic(self, reference: Hits, weeks: Hits, films: int | Matrix) -> Matrix:
        n, m = WEEK * films, films * len(reference)
        total = reference.sum(axis=0) + weeks
        pooled = total / (n + m)
        spread = np.maximum(pooled * (1 - pooled) * (1 / n + 1 / m), 1e-12)
        square = (weeks / n - reference.sum(axis=0) / m) ** 2 / spread
        return np.asarray(-np.log10(np.maximum(chdtrc(1, square), 1e-300) * 100))


class ThreeSigma:
    """A control chart of weekly means: standard deviations from the mean of the reference's weeks, by their own scatter."""

    limit = SIGMAS

    def statistic(self, reference: Hits, weeks: Hits, films: int | Matrix) -> Matrix:
        whole = len(reference) // WEEK * WEEK
        means = reference[-whole:].reshape(-1, WEEK, reference.shape[1]).sum(axis=1)
        scatter = np.maximum(means.std(axis=0, ddof=1), 1e-9)
        return np.asarray(np.abs(weeks - means.mean(axis=0)) / scatter)


RIVALS: Mapping[str, Rival] = {"psi_0.2": Psi(), "chi_square_bonferroni": ChiSquare(), "three_sigma_weekly": ThreeSigma()}


def weekly(days: Hits) -> Hits:
    """Sum whole weeks [weeks, series]."""
    whole = len(days) // WEEK
    return np.asarray(days[: whole * WEEK].reshape(whole, WEEK, -1).sum(axis=1))


def crossings(over: Marks) -> int:
    """Count alarms that begin, over all series; one that lasts counts once."""
    before = np.vstack([np.zeros((1, over.shape[1]), dtype=bool), over[:-1]])
    return int((over & ~before).sum())


def evidently_alarms(reference: Hits, weeks: Hits, films: int) -> tuple[int, int]:
    """Evidently's DataDriftPreset with its defaults, week by week: columns that it calls drifted, and weeks of which it calls the dataset so."""
    import pandas as pd  # noqa: PLC0415  (only this rival needs it, and it takes seconds)
    from evidently import Dataset, Report  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    def rows(hits: NDArray[np.int64], n: int) -> object:
        columns = {f"rate{place:03d}": np.where(np.arange(n) < k, "hit", "miss") for place, k in enumerate(hits)}
        return Dataset.from_pandas(pd.DataFrame(columns))

    past, drifted, datasets = rows(reference.sum(axis=0), films * len(reference)), 0, 0
    for hits in weeks:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shown = Report([DataDriftPreset()]).run(rows(hits, WEEK * films), past).dict()
        share = next(one["value"] for one in shown["metrics"] if "DriftedColumnsCount" in one["metric_name"])
        drifted += int(share["count"])
        datasets += int(share["share"] >= DATASET_SHARE)
    return drifted, datasets
