"""Estimates: what the reference period teaches about each series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.bands import band, common_band
from detectors.dispersion import dispersion
from detectors.series import Counts, Gather, Series
from detectors.tally import Tally

PRIOR = 0.5
"""Events and non-events added to each score group of a calibration series (Jeffreys), so that no group is certain."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Constants of the series.

    rates: reference rate of each row [rows]. trials: observations behind it [rows]. bands: its tolerance band [rows, 2].
    dispersion: phi of each series [series].
    days: days of the reference that have predictions.
    """

    rates: Floats
    trials: NDArray[np.int64]
    bands: Floats
    dispersion: Floats
    days: int

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name every array."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "days"}


def estimate(
    series: Sequence[Series],
    tallies: Mapping[str, Tally],
    days: NDArray[np.int64],
    daily: Iterable[Mapping[str, Tally]],
    minimum_odds_ratio: float,
) -> Estimates:
    """Estimate rate, dispersion and band of every series.

    Args:
        series: What is watched.
        tallies: Cell -> tally of the whole period.
        days: Day numbers with predictions, ascending.
        daily: Cell -> tally, for each of these days.
        minimum_odds_ratio: Widens the bands.
    """
    gather = Gather.of(series)
    total = gather.count(tallies)
    rates = _rates(series, total)
    counts = [gather.count(today) for today in daily]
    excess = np.array([gather.by_series(today.k - today.n * rates) for today in counts])
    variance = np.array([gather.by_series(today.n * rates * (1 - rates)) for today in counts])
    phi = dispersion(excess, variance, days, [(one.family, one.cell) for one in series])
    return Estimates(rates, total.n, _bands(series, total, rates, phi, minimum_odds_ratio), phi, len(days))


def _rates(series: Sequence[Series], total: Counts) -> Floats:
    """Reference rate of each row, k / n; a little regularised where several rows share their likelihood."""
    shared = np.concatenate([[len(one.strata) > 1] * len(one.strata) for one in series] or [[]])
    prior = np.where(shared, PRIOR, 0.0)
    return np.asarray((total.k + prior) / np.maximum(total.n + 2 * prior, 1))


def _bands(series: Sequence[Series], total: Counts, rates: Floats, phi: Floats, minimum_odds_ratio: float) -> Floats:
    widths = np.array([len(one.strata) for one in series], dtype=np.int64)
    n = total.n.astype(np.float64)
    bands = band(total.k.astype(np.float64), n, np.repeat(phi, widths), minimum_odds_ratio)
    for first, width, scale in zip(np.cumsum(widths) - widths, widths, phi, strict=True):
        if width > 1:
            rows = slice(first, first + width)
            bands[rows] = common_band(rates[rows], n[rows], scale, minimum_odds_ratio)
    return bands
