"""Decision costs: what the model's errors cost at the deployed operating point, and what its flags are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import Z, wilson
from detectors.masses import Masses, masses_of
from detectors.measurement import Interval, Measurement, Verdict
from detectors.patients import performance_dispersion
from detectors.plan import Plan
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally

COST, BENEFIT = "expected_cost_per_thousand", "net_benefit"
SHOWN, JUDGED = 10, 50
"""Positives and negatives, each, from which they are shown and judged."""
MINIMUM_RISE = 0.10
"""Share of the usual cost by which it must rise."""
POSITIVE = 1
FALSE_FLAGS, MISSES, HITS = (0, 1), (1, 0), (1, 1)
"""Places of decisions by class and flag."""

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
    """Measure expected cost and net benefit of every finding at its operating point, in every cell.

    expected_cost_per_thousand: 1000 (c_FN FN + c_FP FP) / n; only a rise breaches. net_benefit: (TP - c_FP / c_FN FP) / n, in true positives
    a film, of which flagging nothing has 0; only a fall breaches. The plan says what errors cost; without it each costs 1. Both follow
    prevalence, so the limit is what the reference's sensitivity and specificity would give at the window's prevalence, a tenth more cost,
    and z standard errors of window and reference. The verdicts agree, as the one is a line in the other. Intervals: Wilson for each
    share, put together by MOVER with their correlation, at n / phi.

    Returns:
        Two measurements a finding and cell; shown from 10 positives and 10 negatives, judged from 50 and 50. n: labels.

    Source:
        Vickers and Elkin 2006, Medical Decision Making 26:565 (net benefit); Zou and Donner 2008, Statistics in Medicine 27:1693 (MOVER).
    """
    now, then = masses_of(reference.schema, window, reference.schema.findings, reference.cells), _usual(reference)
    phi = performance_dispersion(reference, window)
    views = [(_View.of(now, row), _View.of(then, row)) for row in range(len(now.places))]
    return [one for pair in views for one in _measure(reference, *pair, phi(pair[0].finding, pair[0].cell))]


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Masses:
    return masses_of(reference.schema, reference.tallies, reference.schema.findings, reference.cells)


def combined(first: tuple[float, float, float], second: tuple[float, float, float], dispersion: float = 1.0) -> Interval:
    """Interval of a k / n + b j / m, two shares of the same films of which none is both; `first` is (a, k, n), `second` is (b, j, m).

    >>> interval = combined((5, 10, 200), (1, 30, 200))
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.283, 0.6)
    """
    factors = first[0], second[0]
    shares = first[1] / first[2], second[1] / second[2]
    ends = wilson(*first[1:], dispersion), wilson(*second[1:], dispersion)
    terms = [(a * (share - one.low), a * (one.high - share)) for a, share, one in zip(factors, shares, ends, strict=True)]
    low, high = ([pair[side] if a >= 0 else -pair[1 - side] for a, pair in zip(factors, terms, strict=True)] for side in (0, 1))
    variances = [max(share * (1 - share), 1e-12) for share in shares]
    together = -2 * shares[0] * shares[1] / sqrt(variances[0] * variances[1]) * (1 if factors[0] * factors[1] >= 0 else -1)
    below, above = (sqrt(max(a * a + b * b + together * abs(a * b), 0.0)) for a, b in (low, high))
    value = factors[0] * shares[0] + factors[1] * shares[1]
    return Interval(value - below, value + above)


@dataclass(frozen=True, slots=True)
class _View:
    """One finding in one cell: films by class and decision, films that a label of each stands for, plain labels of each class [2]."""

    finding: str
    cell: str
    films: Floats
    scale: Floats
    events: Floats
    labels: int
    reason: str

    @classmethod
    def of(cls, masses: Masses, row: int) -> _View:
        finding, cell = masses.places[row]
        decided = masses.decisions[row], masses.decision_scale[row]
        return cls(finding, cell, *decided, masses.events[row], int(masses.labels[row]), masses.reasons[row])

    @property
    def n(self) -> float:
        return float(self.films.sum())

    def term(self, factor: float, kind: tuple[int, int]) -> tuple[float, float, float]:
        """A share of all films with its factor, as labels of labels."""
        scale = float(self.scale[kind])
        return factor, float(self.films[kind]) / scale, self.n / scale

    def insufficient(self, name: str, reason: str) -> Measurement:
        return Measurement.insufficient(name, self.labels, reason, cell=self.cell, finding=self.finding)

    def shown(self, name: str, value: float, interval: Interval) -> Measurement:
        return Measurement(name, value, self.labels, interval, None, Verdict.INSUFFICIENT, "", self.cell, self.finding)


def _measure(reference: Reference, now: _View, then: _View, phi: float) -> list[Measurement]:
    costs = costs_of(reference.plan, now.finding)
    if now.events.min() < SHOWN:
        reason = now.reason or f"{SHOWN} positives and {SHOWN} negatives needed"
        return [now.insufficient(name, reason) for name in (COST, BENEFIT)]
    cost = float(costs.miss * now.films[MISSES] + costs.false_flag * now.films[FALSE_FLAGS]) / now.n
    spent = combined(now.term(costs.miss, MISSES), now.term(costs.false_flag, FALSE_FLAGS), phi)
    judged = min(now.events.min(), then.events.min()) >= JUDGED
    limit = _limit(costs, now, then, phi) if judged else None
    shown = now.shown(COST, 1000 * cost, Interval(max(0.0, 1000 * spent.low), 1000 * spent.high))
    return [_judged(shown, None if limit is None else 1000 * limit), _benefit(costs, now, limit, phi)]


def _benefit(costs: Costs, now: _View, limit: float | None, phi: float) -> Measurement:
    if costs.miss <= 0:
        return now.insufficient(BENEFIT, "a missed finding costs nothing by the plan, so no number of flags is worth anything")
    exchange = costs.false_flag / costs.miss
    value = float(now.films[HITS] - exchange * now.films[FALSE_FLAGS]) / now.n
    shown = now.shown(BENEFIT, value, combined(now.term(1.0, HITS), now.term(-exchange, FALSE_FLAGS), phi))
    return _judged(shown, None if limit is None else float(now.films[POSITIVE].sum()) / now.n - limit / costs.miss)


def _judged(shown: Measurement, limit: float | None) -> Measurement:
    if limit is None or shown.value is None:
        return replace(shown, reason=f"{JUDGED} positives and {JUDGED} negatives needed for a verdict, in the window and in the reference")
    breached = shown.value > limit if shown.name == COST else shown.value < limit
    return replace(shown, limit=limit, verdict=Verdict.BREACHED if breached else Verdict.WITHIN)


def _limit(costs: Costs, now: _View, then: _View, phi: float) -> float:
    """Cost a film beyond which it has surely risen; each rate of the reference with one right and one wrong decision more, so that none is certain."""
    prevalence = float(now.films[POSITIVE].sum()) / now.n
    weights = np.array([(1 - prevalence) * costs.false_flag, prevalence * costs.miss])
    wrong = np.array([then.films[FALSE_FLAGS], then.films[MISSES]]) / then.films.sum(axis=1)
    held = (wrong * then.events + 1) / (then.events + 2)
    variance = float((weights**2 * held * (1 - held) * (1 / then.events + 1 / now.events)).sum())
    return float((weights * wrong).sum()) * (1 + MINIMUM_RISE) + Z * sqrt(phi * variance)
