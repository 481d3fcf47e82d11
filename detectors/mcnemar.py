"""McNemar: of the films on which two models decide differently, whether one has more right than chance would give it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from detectors.paired import Pair, by_patient

MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Discordance:
    """Films that only one of the two decides rightly, patients that this favours, and the exact two-sided p of an even chance."""

    champion_only: int
    challenger_only: int
    favour_champion: int
    favour_challenger: int
    p: float


def mcnemar(pair: Pair) -> Discordance:
    """Compare two models' decisions; scores are 1 where a model flags the film and 0 where it does not.

    A patient favours the model that decides more of his films rightly; one with as many on both sides says nothing. Of the others, the number
    that favours the challenger is binomial with 1/2 if neither is better: exact however few they are, and however their films cluster.
    Weights do not count, and a label that is not certain counts as what it says more likely.

    Source:
        McNemar 1947, Psychometrika 12:153; exact form: Clopper and Pearson 1934; by patients: the sign test, Dixon and Mood 1946.

    >>> truth, ones = np.ones(8), np.ones(8)
    >>> found = mcnemar(Pair.of(truth, np.array([1, 1, 0, 0, 0, 0, 0, 0.0]), np.array([1, 0, 1, 1, 1, 1, 1, 1.0])))
    >>> found.champion_only, found.challenger_only, found.p
    (1, 6, 0.125)
    """
    positive = pair.truth >= MIDDLE
    before, after = _right(pair.champion, positive), _right(pair.challenger, positive)
    net = by_patient(after.astype(np.float64) - before, pair.groups)
    gained, lost = int((net > 0).sum()), int((net < 0).sum())
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return Discordance(int((before & ~after).sum()), int((after & ~before).sum()), lost, gained, p)


def _right(flags: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray((flags >= MIDDLE) == positive)
