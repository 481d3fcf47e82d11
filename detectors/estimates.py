"""Estimates: what the reference period teaches about each series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from detectors.bands import band, common_band
from detectors.budget import DAYS_A_YEAR
from detectors.plan import Plan
from detectors.series import Counts, Gather, Series
from detectors.tally import Tally
from detectors.wander import Wander, estimate_wander

PRIOR = 0.5
"""Events and non-events added to each score group of a calibration series (Jeffreys), so that no group is certain."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Constants of the series.

    rates: reference rate of each row [rows]. trials: observations behind it [rows]. bands: its tolerance band [rows, 2].
    level, persistence, white: how the log odds of each series wander (wander.py) [series].
    dispersion: phi, variance of its counts over many days against that of independent coins [series], 1 or more.
    reach: how far its level may be followed, in log odds [series].
    days: days of the reference that have predictions.
    """

    rates: Floats
    trials: NDArray[np.int64]
    bands: Floats
    level: Floats
    persistence: Floats
    white: Floats
    dispersion: Floats
    reach: Floats
    days: int

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name every array."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "days"}


def estimate(
    plan: Plan,
    series: Sequence[Series],
    tallies: Mapping[str, Tally],
    days: NDArray[np.int64],
    daily: Iterable[Mapping[str, Tally]],
) -> Estimates:
    """Estimate rate, wander, dispersion and band of every series.

    Args:
        plan: Budget, and the odds ratio that widens the bands.
        series: What is watched.
        tallies: Cell -> tally of the whole period.
        days: Day numbers with predictions, ascending.
        daily: Cell -> tally, for each of these days.
    """
    gather = Gather.of(series)
    total = gather.count(tallies)
    rates = _rates(series, total)
    counts = [gather.count(today) for today in daily]
    excess = np.array([gather.by_series(today.k - today.n * rates) for today in counts])
    information = np.array([gather.by_series(today.n * rates * (1 - rates)) for today in counts])
    wander = estimate_wander(excess, information, days, [one.matured for one in series])
    phi = 1 + wander.long_run * information.mean(axis=0)
    return Estimates(
        rates=rates,
        trials=total.n,
        bands=_bands(series, total, rates, phi, plan.minimum_odds_ratio),
        level=wander.level,
        persistence=wander.persistence,
        white=wander.white,
        dispersion=phi,
        reach=_reach(plan, wander, len(days)),
        days=len(days),
    )


def _reach(plan: Plan, wander: Wander, days: int) -> Floats:
    """Largest level that the reference's own wander explains.

    z standard deviations of the level around a base known with variance long_run / days; z is what as many levels as all series
    take in a year (365 (1 - persistence) each) exceed as often as the budget allows. Less the minimum odds ratio, which a level
    must go beyond before the mildest alternative gathers evidence.
    """
    levels = len(wander.level) * DAYS_A_YEAR * (1 - wander.persistence)
    z = -ndtri(np.minimum(plan.alarms_per_year / (2 * levels), 0.5))
    spread = np.where(wander.level > 0, np.sqrt(wander.level + wander.long_run / days), 0.0)
    return np.asarray(np.maximum(z * spread - log(plan.minimum_odds_ratio), 0.0))


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
