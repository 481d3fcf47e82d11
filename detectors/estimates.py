"""Estimates: what the reference period teaches about each series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from detectors.bands import CONFIDENCE, band, common_band
from detectors.clumps import estimate_clumps
from detectors.rhythm import shifted
from detectors.series import Counts, Gather, Series
from detectors.wander import estimate_wander

PRIOR = 0.5
"""Events and non-events added to each score group of a calibration series (Jeffreys), so that no group is certain."""
MEMORY = 28
"""Days of a window whose dispersion stands for all."""
OUTSIDE, EXTREMES = "out of range", 2
SMALLEST = 1e-12
NO_CHANGE = 1.0 + 1e-9
"""An odds ratio that widens no band."""
DOUBT = 0.85
"""Confidence with which the reference knows its rate, for what is compared to the rate itself and not to its band. Less than that of the band:
this is the furthest of all rates that are called possible, and most are nearer."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Constants of the series.

    rates: reference rate of each row [rows]. trials: observations behind it [rows]. bands: its tolerance band [rows, 2].
    base: log odds of the rate of each row, half an event where the reference saw none or nothing else [rows].
    edges: how far the band reaches from the base on either side, in log odds [series, 2].
    doubt: how far of that the reference itself leaves open, by what it saw and how it wandered [series, 2].
    level, persistence, white: how the log odds of each series wander (wander.py) [series]; the level's variance also holds what it may be
        larger. That the base may be off is `doubt`.
    clumps: factor of the binomial variance of each series that is due to films that say the same (clumps.py) [series].
    dispersion: phi of each series [series], variance of its counts over that of independent coins in windows of MEMORY days.
    days: days of the reference that have predictions.
    """

    rates: Floats
    trials: NDArray[np.int64]
    bands: Floats
    base: Floats
    edges: Floats
    doubt: Floats
    level: Floats
    persistence: Floats
    white: Floats
    clumps: Floats
    dispersion: Floats
    days: int

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name every array."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "days"}


def estimate_counts(
    series: Sequence[Series],
    total: Counts,
    days: NDArray[np.int64],
    daily: Sequence[Counts],
    minimum_odds_ratio: float,
    *,
    shifts: Floats | None = None,
) -> Estimates:
    """Estimate rate, wander and band of every series.

    Args:
        series: What is watched.
        total: Counts by row of the whole period.
        days: Day numbers with predictions, ascending.
        daily: Counts by row, for each of these days.
        minimum_odds_ratio: Least width of the bands.
        shifts: Log odds that each day of its kind moves each series by (rhythm.py) [days, series]; None: none.
    """
    gather, total = Gather.of(series), with_extremes(series, total)
    rates, base = base_rates(series, total)
    excess, information = departures(gather, rates, base, daily, np.zeros((len(days), len(series))) if shifts is None else shifts)
    groups = [one.matured for one in series]
    clumps = estimate_clumps(excess, information, groups)
    wander = estimate_wander(excess / clumps, information / clumps, days, groups)
    known = information.sum(axis=0)
    phi = np.maximum(wander.error * known, 1.0)
    bands = _bands(series, total, rates, phi, minimum_odds_ratio=minimum_odds_ratio, confidence=CONFIDENCE)
    least = _bands(series, total, rates, phi, minimum_odds_ratio=NO_CHANGE, confidence=DOUBT)
    edges, doubt = (_reach(gather, one, base) for one in (bands, least))
    return Estimates(
        rates=rates,
        trials=total.n,
        bands=bands,
        base=logit(base),
        edges=edges,
        doubt=np.minimum(doubt, edges),
        level=wander.level + wander.caution,
        persistence=wander.persistence,
        white=wander.white,
        clumps=clumps,
        dispersion=clumps + wander.over(MEMORY) * known / max(len(days), 1),
        days=len(days),
    )


def with_extremes(series: Sequence[Series], total: Counts) -> Counts:
    """Count the two films that set a feature's range as lying outside: of n + 1 films alike, each is as likely as any to be the least or largest.

    The reference has none outside by its making, and two of n + 1 is what films like its own will have.
    """
    extremes = np.repeat([EXTREMES if one.bin == OUTSIDE else 0 for one in series], [len(one.strata) for one in series]).astype(np.int64)
    return Counts(np.minimum(total.k + extremes, total.n), total.n)


def base_rates(series: Sequence[Series], total: Counts) -> tuple[Floats, Floats]:
    """Rate of each row, and the same with half an event where the reference saw none or nothing else [rows]."""
    rates, half = _rates(series, total), 0.5 / np.maximum(total.n, 1)
    return rates, np.clip(rates, half, 1 - half)


def departures(gather: Gather, rates: Floats, base: Floats, daily: Sequence[Counts], shifts: Floats) -> tuple[Floats, Floats]:
    """Hits beyond what is expected of each day, and its information n p (1 - p) [days, series]."""
    by_row = [gather.by_row(shift) for shift in shifts]
    excess = [gather.by_series(today.k - today.n * shifted(rates, shift)) for today, shift in zip(daily, by_row, strict=True)]
    moved = [shifted(base, shift) for shift in by_row]
    information = [gather.by_series(today.n * p * (1 - p)) for today, p in zip(daily, moved, strict=True)]
    return np.array(excess), np.array(information)


def _reach(gather: Gather, bands: Floats, base: Floats) -> Floats:
    """How far bands reach from the base, in log odds [series, 2]."""
    return np.asarray(np.abs(logit(bands[gather.first]) - logit(base[gather.first])[:, None]))


def _rates(series: Sequence[Series], total: Counts) -> Floats:
    """Reference rate of each row, k / n; a little regularised where several rows share their likelihood."""
    shared = np.concatenate([[len(one.strata) > 1] * len(one.strata) for one in series] or [[]])
    prior = np.where(shared, PRIOR, 0.0)
    return np.asarray((total.k + prior) / np.maximum(total.n + 2 * prior, 1))


def _bands(series: Sequence[Series], total: Counts, rates: Floats, phi: Floats, *, minimum_odds_ratio: float, confidence: float) -> Floats:
    widths = np.array([len(one.strata) for one in series], dtype=np.int64)
    n = total.n.astype(np.float64)
    bands = band(total.k.astype(np.float64), n, np.repeat(phi, widths), minimum_odds_ratio, confidence)
    for first, width, scale in zip(np.cumsum(widths) - widths, widths, phi, strict=True):
        if width > 1:
            rows = slice(first, first + width)
            bands[rows] = common_band(rates[rows], n[rows], scale, minimum_odds_ratio, confidence)
    return bands
