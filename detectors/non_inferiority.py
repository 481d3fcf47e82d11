"""Non-inferiority: whether the challenger is surely not worse than the champion by more than a margin that was declared beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, log, sqrt

from scipy.optimize import minimize_scalar

from detectors.decision import Decision
from detectors.paired import Difference

MOST_CASES = 10_000_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision with its bounds: the challenger is surely above `low` and surely below `high`, at whatever time it is looked at.

    more: labelled films beyond those at hand after which the decision is expected, 0 where it has been taken; None: not at this difference.
    """

    decision: Decision
    low: float
    high: float
    margin: float
    more: int | None


def judge(found: Difference, margin: float, *, alpha: float = 0.05, claims: int = 1, planned: int = 100) -> Judged:
    """Judge a difference of which more is better, as often as one likes.

    pass: its lower bound is above -margin. fail: its upper bound is below -margin. Bounds are those of a confidence sequence, so the promise holds
    over all looks of a comparison that grows by the day: among challengers worse by the margin at most alpha ever pass.

    Multiplicity: a challenger is promoted only when every criterion passes, overall and in each subgroup. That is an intersection-union test:
    each at level alpha keeps the whole at alpha, so a pass is not corrected. A single fail refuses, so wrong fails would add up: each is judged at
    alpha / claims (Bonferroni), and a good challenger is refused with probability alpha at most.

    Args:
        found: Challenger less champion.
        margin: The largest loss that is acceptable; 0 asks for a gain.
        alpha: One-sided.
        claims: How many criteria are judged together.
        planned: Patients at which the bounds are to be narrowest: the number that the plan asks for.

    Raises:
        ValueError: The margin is negative.

    Source:
        Berger 1982, Technometrics 24:295 (intersection-union); Robbins 1970, Ann Math Stat 41:1397 (normal mixture); Waudby-Smith,
        Arbour, Sinha, Kennedy, Ramdas 2024, Annals of Statistics 52:2613 (asymptotic confidence sequences).

    >>> judge(Difference(0.0, 0.01**2, 400, 400), 0.05).decision.value
    'pass'
    >>> judge(Difference(-0.2, 0.02**2, 400, 400), 0.05, claims=8).decision.value
    'fail'
    >>> waiting = judge(Difference(0.0, 0.05**2, 400, 400), 0.05)
    >>> waiting.decision.value, waiting.more
    ('not yet', 3729)
    """
    if margin < 0:
        raise ValueError("the margin is a loss, so not negative")
    low = found.value - found.error * width(found.patients, alpha, planned)
    high = found.value + found.error * width(found.patients, alpha / max(claims, 1), planned)
    if low > -margin:
        return Judged(Decision.PASS, low, high, margin, 0)
    if high < -margin:
        return Judged(Decision.FAIL, low, high, margin, 0)
    return Judged(Decision.NOT_YET, low, high, margin, _more(found, margin, alpha, claims, planned))


def width(patients: int, alpha: float, planned: int) -> float:
    """Standard errors between an estimate and its one-sided bound that holds at all times: 2.8 at the planned number, where one look has 1.6.

    With t patients and a mixture of variance rho^2, s = t rho^2: sqrt(2 (s + 1) / s log(1 + sqrt(s + 1) / (2 alpha))), rho^2 chosen for `planned`.

    >>> round(width(100, 0.05, 100), 2), round(width(1000, 0.05, 100), 2), width(0, 0.05, 100)
    (2.78, 3.0, inf)
    """
    return inf if patients <= 0 else _boundary(patients * _narrowest(alpha) / max(planned, 1), alpha)


def together(decisions: Sequence[Decision]) -> Decision:
    """The decision of all: fail where one fails, pass where all pass; without any, not yet.

    >>> together([Decision.PASS, Decision.NOT_YET]).value
    'not yet'
    """
    if Decision.FAIL in decisions:
        return Decision.FAIL
    return Decision.PASS if decisions and all(one is Decision.PASS for one in decisions) else Decision.NOT_YET


def _boundary(spread: float, alpha: float) -> float:
    return sqrt(2 * (spread + 1) / spread * log(1 + sqrt(spread + 1) / (2 * alpha)))


@lru_cache
def _narrowest(alpha: float) -> float:
    """Where the boundary is lowest."""
    return float(minimize_scalar(lambda spread: _boundary(spread, alpha), bounds=(0.1, 1000), method="bounded", options={"xatol": 1e-3}).x)


def _more(found: Difference, margin: float, alpha: float, claims: int, planned: int) -> int | None:
    """Films after which the present difference and spread would decide."""
    if found.patients <= 0 or found.n <= 0:
        return None
    distance, level = found.value + margin, alpha if found.value + margin > 0 else alpha / max(claims, 1)

    def decides(factor: float) -> bool:
        patients = ceil(found.patients * factor)
        return found.error / sqrt(factor) * width(patients, level, planned) < abs(distance)

    low, high = 1.0, 2.0
    while not decides(high):
        low, high = high, high * 2
        if found.n * high > MOST_CASES:
            return None
    while (high - low) * found.n > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return ceil(found.n * (high - 1))
