"""Rates for reading: shares of the window beside the tolerance bands of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrik

from detectors.bands import band
from detectors.intervals import CONFIDENCE, wilson_ends
from detectors.measurement import Verdict
from detectors.plan import ALL
from detectors.readings import VERDICTS, Readings

TAIL = (1 - CONFIDENCE) / 2
SHOWN = 10
"""Observations from which a share is shown."""
JUDGED = 50
"""Observations from which it gets a verdict."""
TOO_FEW, NO_VERDICT = f"{SHOWN} observations needed", f"{JUDGED} observations needed for a verdict, in the window and in the reference"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rate:
    """k of n in the window, k_reference of n_reference in the reference, the dispersion phi of both, and where it was counted.

    The counts are not whole where films were weighted.
    """

    k: float
    n: float
    k_reference: float
    n_reference: float
    dispersion: float
    minimum_odds_ratio: float
    cell: str = ALL
    finding: str = ""
    feature: str = ""


def measure_rates(name: str, rates: Sequence[Rate], side: str) -> Readings:
    """Measure shares, and say of each whether it has surely left its band on a side.

    The limit is the share that a rate at the edge of the tolerance band (bands.py) would reach in 2.5 % of windows of this size,
    by the binomial distribution at n / phi. So it tightens towards the edge as n grows, and a rate inside the band breaches
    it in fewer than 2.5 % of windows at any n.

    Args:
        name: Of the measurement.
        rates: Counts, of one plan.
        side: "high" if only a rise matters, "low" if only a fall, "both" (then the limit is that on the side of the value).

    >>> quiet, raised = measure_rates("share", [Rate(12, 100, 100, 1000, 1.0, 1.5), Rate(30, 100, 100, 1000, 1.0, 1.5)], "high")
    >>> quiet.verdict.value, raised.verdict.value, round(raised.limit, 3)
    ('within', 'breached', 0.219)
    """
    counts = np.array([(one.k, one.n, one.k_reference, one.n_reference, one.dispersion) for one in rates], dtype=np.float64).reshape(-1, 5)
    where = [(one.cell, one.finding, one.feature) for one in rates]
    return rates_of(name, counts, side, rates[0].minimum_odds_ratio if rates else 1.0, where)


def rates_of(
    name: str,
    counts: Floats,
    side: str,
    minimum_odds_ratio: float,
    where: Sequence[tuple[str, str, str]],
    *,
    without: Sequence[str] = (),
) -> Readings:
    """Measure shares that are in columns already.

    Args:
        name: Of the measurement.
        counts: k, n, k and n of the reference, and phi, of each [rates, 5].
        side: As in `measure_rates`.
        minimum_odds_ratio: Of the plan.
        where: Cell, finding and feature of each.
        without: Why there is no number, of each; empty where there is one. Its n is told all the same.
    """
    k, n, k_reference, n_reference, phi = counts.T
    whole = np.rint(n).astype(np.int64)
    value, low, high, limit = np.full((4, len(counts)), np.nan)
    shown = whole >= SHOWN
    if without:
        shown &= ~np.array([bool(why) for why in without], dtype=bool)
    judged = shown & (np.minimum(whole, np.rint(n_reference)) >= JUDGED)
    value[shown] = k[shown] / n[shown]
    low[shown], high[shown] = wilson_ends(k[shown], n[shown], phi[shown])
    rises = np.full(len(counts), side == "high") if side != "both" else value * n_reference >= k_reference
    if judged.any():
        limit[judged] = _limits(counts[judged], rises[judged], minimum_odds_ratio)
    breached = np.where(rises, value > limit, value < limit)
    verdicts = np.where(judged, np.where(breached, _BREACHED, _WITHIN), _INSUFFICIENT).astype(np.int8)
    reasons = [TOO_FEW if few else "" if said else NO_VERDICT for few, said in zip((~shown).tolist(), judged.tolist(), strict=True)]
    if without:
        reasons = [why or reason for why, reason in zip(without, reasons, strict=True)]
    columns = list(zip(*where, strict=True)) or [(), (), ()]
    return Readings.columns(name, reasons, *columns, value=value, low=low, high=high, limit=limit, n=whole, verdict=verdicts)


_WITHIN, _BREACHED, _INSUFFICIENT = (VERDICTS.index(one) for one in (Verdict.WITHIN, Verdict.BREACHED, Verdict.INSUFFICIENT))


def _limits(counts: Floats, rises: NDArray[np.bool_], minimum_odds_ratio: float) -> Floats:
    _, n, k_reference, n_reference, phi = counts.T
    edges = band(k_reference, n_reference, phi, minimum_odds_ratio)
    effective = n / phi
    reached = (bdtrik(1 - TAIL, effective, edges[:, 1]) + 1) / effective  # P(K >= k) = 2.5 %, that is P(K <= k - 1) = 97.5 %
    fewest = bdtrik(TAIL, effective, edges[:, 0]) / effective
    fallen = np.where(np.isfinite(fewest), np.maximum(fewest, 0.0), 0.0)  # none at all is likelier than that
    return np.where(rises, np.minimum(reached, 1.0), fallen)
