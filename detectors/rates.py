"""Rates for reading: a share of the window beside the tolerance band of the reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

import numpy as np
from scipy.special import bdtrik

from detectors.bands import band
from detectors.intervals import CONFIDENCE, wilson
from detectors.measurement import Measurement, Verdict
from detectors.plan import ALL

TAIL = (1 - CONFIDENCE) / 2
SHOWN = 10
"""Observations from which a share is shown."""
JUDGED = 50
"""Observations from which it gets a verdict."""
BANDS_HELD = 16_384
"""Bands that a process keeps: several references of 14 findings and 20 subgroups, some megabytes."""


@dataclass(frozen=True, slots=True)
class Rate:
    """k of n in the window, k_reference of n_reference in the reference, and the dispersion phi of both. Not whole where films were weighted."""

    k: float
    n: float
    k_reference: float
    n_reference: float
    dispersion: float
    minimum_odds_ratio: float


def measure_rate(name: str, rate: Rate, side: str, *, cell: str = ALL, finding: str = "", feature: str = "") -> Measurement:
    """Measure a share, and say whether it has surely left its band on a side.

    The limit is the share that a rate at the edge of the tolerance band (bands.py) would reach in 2.5 % of windows of this size,
    by the binomial distribution at n / phi. So it tightens towards the edge as n grows, and a rate inside the band breaches
    it in fewer than 2.5 % of windows at any n.

    Args:
        name: Of the measurement.
        rate: Counts.
        side: "high" if only a rise matters, "low" if only a fall, "both" (then the limit is that on the side of the value).
        cell: Where it was measured.
        finding: Where it was measured.
        feature: Where it was measured.

    >>> quiet = measure_rate("share", Rate(12, 100, 100, 1000, 1.0, 1.5), "high")
    >>> raised = measure_rate("share", Rate(30, 100, 100, 1000, 1.0, 1.5), "high")
    >>> quiet.verdict.value, raised.verdict.value, round(raised.limit, 3)
    ('within', 'breached', 0.219)
    """
    where = {"cell": cell, "finding": finding, "feature": feature}
    n = round(rate.n)
    if n < SHOWN:
        return Measurement.insufficient(name, n, f"{SHOWN} observations needed", **where)
    value, interval = rate.k / rate.n, wilson(rate.k, rate.n, rate.dispersion)
    if min(n, round(rate.n_reference)) < JUDGED:
        reason = f"{JUDGED} observations needed for a verdict, in the window and in the reference"
        return Measurement(name, value, n, interval, None, Verdict.INSUFFICIENT, reason, **where)
    rises = side == "high" or (side == "both" and value * rate.n_reference >= rate.k_reference)
    limit = _limit(rate, rises=rises)
    breached = value > limit if rises else value < limit
    return Measurement(name, value, n, interval, limit, Verdict.BREACHED if breached else Verdict.WITHIN, **where)


@lru_cache(maxsize=BANDS_HELD)
def _band(k: float, n: float, dispersion: float, minimum_odds_ratio: float) -> tuple[float, float]:
    """Band of one rate of the reference, which every window is compared to."""
    hits, trials, phi = np.array([[k], [n], [dispersion]], dtype=np.float64)
    low, high = band(hits, trials, phi, minimum_odds_ratio)[0].tolist()
    return low, high


def _limit(rate: Rate, *, rises: bool) -> float:
    low, high = _band(rate.k_reference, rate.n_reference, rate.dispersion, rate.minimum_odds_ratio)
    edge = high if rises else low
    effective = rate.n / rate.dispersion
    if rises:  # P(K >= k) = 2.5 %, that is P(K <= k - 1) = 97.5 %
        return min(1.0, (float(bdtrik(1 - TAIL, effective, edge)) + 1) / effective)
    fewest = float(bdtrik(TAIL, effective, edge))
    return max(0.0, fewest / effective) if isfinite(fewest) else 0.0  # none at all is likelier than that
