"""Decision costs: what the model's errors cost at the deployed operating point, and what its flags are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from detectors.classes import Place, class_decisions
from detectors.intervals import Z, wilson
from detectors.measurement import Interval, Measurement, Verdict
from detectors.plan import ALL, Plan
from detectors.reference import Reference
from detectors.tally import Tally

COST, BENEFIT = "expected_cost_per_thousand", "net_benefit"
SHOWN, JUDGED = 10, 50
"""Positives and negatives, each, from which they are shown and judged."""
MINIMUM_RISE = 0.10
"""Share of the usual cost by which it must rise."""
NEGATIVE, POSITIVE = 0, 1
BELOW, FLAGGED = 0, 1

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Costs:
    """What one missed positive and one false flag cost, in any common unit."""

    miss: float
    false_flag: float


def costs_of(plan: Plan, finding: str) -> Costs:
    """Costs that the plan declares for a finding; 1 and 1 where it declares none."""
    place = plan.findings.index(finding)
    misses, false_flags = plan.costs_false_negative, plan.costs_false_positive
    return Costs(misses[place] if misses else 1.0, false_flags[place] if false_flags else 1.0)


def decision_costs(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure expected cost and net benefit of every finding at its operating point, over all labelled films.

    expected_cost_per_thousand: 1000 (c_FN FN + c_FP FP) / n; only a rise breaches. net_benefit: (TP - c_FP / c_FN FP) / n, in true positives
    a film, of which flagging nothing has 0; only a fall breaches. The plan says what errors cost; without it each costs 1. Both follow
    prevalence, so the limit is what the reference's sensitivity and specificity would give at the window's prevalence, a tenth more cost,
    and z standard errors of window and reference. The verdicts agree, as the one is a line in the other. Intervals: Wilson for each
    share, put together by MOVER with their correlation, at n / phi.

    Returns:
        Two measurements a finding; shown from 10 positives and 10 negatives, judged from 50 and 50. n: labels.

    Source:
        Vickers and Elkin 2006, Medical Decision Making 26:565 (net benefit); Zou and Donner 2008, Statistics in Medicine 27:1693 (MOVER).
    """
    return decision_costs_of(reference, window, [(finding, ALL) for finding in reference.schema.findings])


def decision_costs_of(reference: Reference, window: Mapping[str, Tally], places: Sequence[Place]) -> list[Measurement]:
    """Measure them for these findings and cells."""
    now, then = class_decisions(window, places), class_decisions(reference.tallies, places)
    return [one for place, *counts in zip(places, now, then, strict=True) for one in _measure(reference, place, *counts)]


def combined(first: tuple[float, float], second: tuple[float, float], n: float, dispersion: float = 1.0) -> Interval:
    """Interval of a k / n + b j / n, where no film is both a k and a j; `first` is (a, k), `second` is (b, j).

    >>> interval = combined((5, 10), (1, 30), 200)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.283, 0.6)
    """
    factors, counts = zip(first, second, strict=True)
    shares = [count / n for count in counts]
    ends = [wilson(count, n, dispersion) for count in counts]
    terms = [(a * (share - one.low), a * (one.high - share)) for a, share, one in zip(factors, shares, ends, strict=True)]
    low, high = ([pair[side] if a >= 0 else -pair[1 - side] for a, pair in zip(factors, terms, strict=True)] for side in (0, 1))
    variances = [max(share * (1 - share), 1e-12) for share in shares]
    together = -2 * shares[0] * shares[1] / sqrt(variances[0] * variances[1]) * (1 if factors[0] * factors[1] >= 0 else -1)
    below, above = (sqrt(max(a * a + b * b + together * abs(a * b), 0.0)) for a, b in (low, high))
    value = factors[0] * shares[0] + factors[1] * shares[1]
    return Interval(value - below, value + above)


def _measure(reference: Reference, place: Place, now: Floats, then: Floats) -> list[Measurement]:
    finding, cell = place
    n, costs = float(now.sum()), costs_of(reference.plan, finding)
    if now.sum(axis=1).min() < SHOWN:
        reason = f"{SHOWN} positives and {SHOWN} negatives needed"
        return [Measurement.insufficient(name, int(n), reason, cell=cell, finding=finding) for name in (COST, BENEFIT)]
    phi = reference.dispersion_of("performance", cell=cell, finding=finding)
    misses, false_flags = float(now[POSITIVE, BELOW]), float(now[NEGATIVE, FLAGGED])
    cost = (costs.miss * misses + costs.false_flag * false_flags) / n
    spent = combined((costs.miss, misses), (costs.false_flag, false_flags), n, phi)
    judged = min(now.sum(axis=1).min(), then.sum(axis=1).min()) >= JUDGED
    limit = _limit(costs, now, then, phi) if judged else None
    interval = Interval(max(0.0, 1000 * spent.low), 1000 * spent.high)
    shown = Measurement(COST, 1000 * cost, int(n), interval, None, Verdict.INSUFFICIENT, "", cell, finding)
    return [_judged(shown, None if limit is None else 1000 * limit), _benefit(place, costs, now, limit, phi)]


def _benefit(place: Place, costs: Costs, now: Floats, limit: float | None, phi: float) -> Measurement:
    finding, cell = place
    n = float(now.sum())
    if costs.miss <= 0:
        reason = "a missed finding costs nothing by the plan, so no number of flags is worth anything"
        return Measurement.insufficient(BENEFIT, int(n), reason, finding=finding, cell=cell)
    exchange = costs.false_flag / costs.miss
    hits, false_flags = float(now[POSITIVE, FLAGGED]), float(now[NEGATIVE, FLAGGED])
    interval = combined((1.0, hits), (-exchange, false_flags), n, phi)
    shown = Measurement(BENEFIT, (hits - exchange * false_flags) / n, int(n), interval, None, Verdict.INSUFFICIENT, "", cell, finding)
    return _judged(shown, None if limit is None else float(now[POSITIVE].sum()) / n - limit / costs.miss)


def _judged(shown: Measurement, limit: float | None) -> Measurement:
    if limit is None or shown.value is None:
        return replace(shown, reason=f"{JUDGED} positives and {JUDGED} negatives needed for a verdict, in the window and in the reference")
    breached = shown.value > limit if shown.name == COST else shown.value < limit
    return replace(shown, limit=limit, verdict=Verdict.BREACHED if breached else Verdict.WITHIN)


def _limit(costs: Costs, now: Floats, then: Floats, phi: float) -> float:
    """Cost a film beyond which it has surely risen; each rate of the reference with one right and one wrong decision more, so that none is certain."""
    n = float(now.sum())
    prevalence = float(now[POSITIVE].sum()) / n
    counts = then.sum(axis=1)
    shares, prices = np.array([1 - prevalence, prevalence]), np.array([costs.false_flag, costs.miss])
    wrong = np.array([then[NEGATIVE, FLAGGED], then[POSITIVE, BELOW]])
    usual = float((shares * prices * wrong / counts).sum())
    held = (wrong + 1) / (counts + 2)
    spread = (shares * prices) ** 2 * held * (1 - held)
    variance = float((spread / counts).sum() + (spread / now.sum(axis=1)).sum())
    return usual * (1 + MINIMUM_RISE) + Z * sqrt(phi * variance)
