"""Decision costs: what the model's errors cost at the deployed operating point, and what its flags are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import Z, wilson_ends
from detectors.masses import Masses, masses_of
from detectors.measurement import Interval, Measurement
from detectors.patients import performance_dispersion
from detectors.placed import placed, spread_out
from detectors.plan import Plan
from detectors.readings import Readings
from detectors.reference import REFERENCES_HELD, Reference
from detectors.tally import Tally

COST, BENEFIT = "expected_cost_per_thousand", "net_benefit"
SHOWN, JUDGED = 10, 50
"""Positives and negatives, each, from which they are shown and judged."""
MINIMUM_RISE = 0.10
"""Share of the usual cost by which it must rise."""
TOO_FEW = f"{SHOWN} positives and {SHOWN} negatives needed"
NO_VERDICT = f"{JUDGED} positives and {JUDGED} negatives needed for a verdict, in the window and in the reference"
WORTHLESS = "a missed finding costs nothing by the plan, so no number of flags is worth anything"
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
    dispersion = performance_dispersion(reference, window)
    phi = np.array([dispersion(*place) for place in now.places])
    costs = [costs_of(reference.plan, finding) for finding in reference.schema.findings]
    miss, false_flag = (np.repeat(column, len(reference.cells)) for column in np.array([(one.miss, one.false_flag) for one in costs]).T)
    return _measure(_View(now, then, phi, miss, false_flag))


@lru_cache(maxsize=REFERENCES_HELD)
def _usual(reference: Reference) -> Masses:
    return masses_of(reference.schema, reference.tallies, reference.schema.findings, reference.cells)


def combined(first: tuple[float, float, float], second: tuple[float, float, float], dispersion: float = 1.0) -> Interval:
    """Interval of a k / n + b j / m, two shares of the same films of which none is both; `first` is (a, k, n), `second` is (b, j, m).

    >>> interval = combined((5, 10, 200), (1, 30, 200))
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.283, 0.6)
    """
    one, other = (_Term(*(np.array([float(number)]) for number in term)) for term in (first, second))
    low, high = combined_ends(one, other, np.array([dispersion]))
    return Interval(float(low[0]), float(high[0]))


@dataclass(frozen=True, slots=True, eq=False)
class _Term:
    """A factor times k of n [places]."""

    factor: Floats
    k: Floats
    n: Floats

    @property
    def share(self) -> Floats:
        return self.k / self.n

    def reaches(self, dispersion: Floats) -> tuple[Floats, Floats]:
        """How far its interval reaches below and above."""
        low, high = wilson_ends(self.k, self.n, dispersion)
        below, above = self.factor * (self.share - low), self.factor * (high - self.share)
        rises = self.factor >= 0
        return np.where(rises, below, -above), np.where(rises, above, -below)


def combined_ends(first: _Term, second: _Term, dispersion: Floats) -> tuple[Floats, Floats]:
    """Ends of the intervals of many such sums at once (MOVER)."""
    variances = [np.maximum(one.share * (1 - one.share), 1e-12) for one in (first, second)]
    sign = np.where(first.factor * second.factor >= 0, 1.0, -1.0)
    together = -2 * first.share * second.share / np.sqrt(variances[0] * variances[1]) * sign
    below, above = (
        np.sqrt(np.maximum(a * a + b * b + together * np.abs(a * b), 0.0))
        for a, b in zip(first.reaches(dispersion), second.reaches(dispersion), strict=True)
    )
    value = first.factor * first.share + second.factor * second.share
    return value - below, value + above


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """Masses of window and reference, dispersion, and what errors cost [places]."""

    now: Masses
    then: Masses
    phi: Floats
    miss: Floats
    false_flag: Floats

    def films(self, kind: tuple[int, int]) -> Floats:
        """Films of a class and decision in the window."""
        return self.now.decisions[:, *kind]

    def term(self, factor: Floats, kind: tuple[int, int], rows: NDArray[np.int64]) -> _Term:
        """A share of all films with its factor, as labels of labels."""
        scale = self.now.decision_scale[rows][:, *kind]
        return _Term(factor[rows], self.films(kind)[rows] / scale, self.now.films[rows] / scale)

    def ends(self, one: tuple[Floats, tuple[int, int]], other: tuple[Floats, tuple[int, int]]) -> tuple[Floats, Floats]:
        """Ends of the interval of a sum of two such shares, where it is shown."""
        rows, count = np.flatnonzero(self.shown), len(self.phi)
        low, high = combined_ends(self.term(*one, rows), self.term(*other, rows), self.phi[rows])
        return spread_out(low, rows, count), spread_out(high, rows, count)

    @property
    def shown(self) -> NDArray[np.bool_]:
        return np.asarray(self.now.events.min(axis=1) >= SHOWN)

    @property
    def judged(self) -> NDArray[np.bool_]:
        return np.asarray(self.shown & (np.minimum(self.now.events, self.then.events).min(axis=1) >= JUDGED))

    def share(self, films: Floats) -> Floats:
        """Of all films; NaN where it is not shown."""
        return np.divide(films, self.now.films, out=np.full(len(films), np.nan), where=self.shown)

    def reasons(self, worthless: NDArray[np.bool_]) -> list[str]:
        """Why there is no verdict."""
        columns = (self.now.reasons, self.shown.tolist(), worthless.tolist(), self.judged.tolist())
        return [
            (why or TOO_FEW) if not shown else WORTHLESS if nothing else "" if judged else NO_VERDICT
            for why, shown, nothing, judged in zip(*columns, strict=True)
        ]


def _measure(view: _View) -> Readings:
    cost = view.share(view.miss * view.films(MISSES) + view.false_flag * view.films(FALSE_FLAGS))
    low, high = view.ends((view.miss, MISSES), (view.false_flag, FALSE_FLAGS))
    now, limit = view.now, np.asarray(np.where(view.judged, _limits(view), np.nan), dtype=np.float64)
    spent = placed(
        COST,
        now.places,
        now.labels,
        view.reasons(np.zeros(len(cost), dtype=bool)),
        value=1000 * cost,
        interval=(np.maximum(0.0, 1000 * low), 1000 * high),
        limit=np.asarray(1000.0 * limit, dtype=np.float64),
        breached=cost > limit,
    )
    return Readings.joined([spent, _benefit(view, limit)])


def _benefit(view: _View, limit: Floats) -> Readings:
    worthless, now = view.miss <= 0, view.now
    held = np.where(worthless, 1.0, view.miss)
    exchange = view.false_flag / held
    value = view.share(view.films(HITS) - exchange * view.films(FALSE_FLAGS))
    least = view.share(now.decisions[:, POSITIVE].sum(axis=1)) - limit / held
    low, high = view.ends((np.ones_like(exchange), HITS), (-exchange, FALSE_FLAGS))
    told = (np.where(worthless, np.nan, one) for one in (value, low, high))
    value, *interval = told
    return placed(
        BENEFIT,
        now.places,
        now.labels,
        view.reasons(worthless),
        value=value,
        interval=(interval[0], interval[1]),
        limit=least,
        breached=value < least,
    )


def _limits(view: _View) -> Floats:
    """Cost a film beyond which it has surely risen; each rate of the reference with one right and one wrong decision more, so that none is certain."""
    now, then = view.now, view.then
    prevalence = np.nan_to_num(view.share(now.decisions[:, POSITIVE].sum(axis=1)))
    weights = np.stack([(1 - prevalence) * view.false_flag, prevalence * view.miss], axis=1)
    events, events_now = np.maximum(then.events, 1.0), np.maximum(now.events, 1.0)
    wrong = np.stack([then.decisions[:, *kind] for kind in (FALSE_FLAGS, MISSES)], axis=1) / np.maximum(then.decisions.sum(axis=2), 1e-12)
    held = (wrong * events + 1) / (events + 2)
    variance = (weights**2 * held * (1 - held) * (1 / events + 1 / events_now)).sum(axis=1)
    return np.asarray((weights * wrong).sum(axis=1) * (1 + MINIMUM_RISE) + Z * np.sqrt(view.phi * variance))
