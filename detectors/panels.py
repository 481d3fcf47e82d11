"""Panels: films that several readers read, each with a label that is right on average whatever share of films shows the finding.

A probability of the finding given the votes leans towards the share of films that show it: among flagged films, where many do, it is too
low, among the others too high. So a label here is that probability p, stretched until films with the finding have 1 on average and films
without it 0: (p - b) / (a - b), with a and b its means over the votes of a positive and a negative film. It may lie a little beyond 0 and 1.
Sums of it are unbiased in every stratum of the score, as long as readers err as they are known to.

How they err is learnt once, from the reference's films (Dawid and Skene, one pair of rates for all readers of a finding, so that a reader who
joins later is one of them), and frozen with it: one film's correction is no other film's.

Sources: Dawid and Skene 1979, Applied Statistics 28:20; Rogan and Gladen 1978, American Journal of Epidemiology 107:71.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.batch import Batch
from detectors.readers import ITERATIONS, PREVALENCE_PRIOR, SENSITIVITY_PRIOR, SETTLED, SPECIFICITY_PRIOR

BOTH, ONE, NONE = range(3)
PATTERNS_HELD = 4096
BEYOND = 1.0
"""How far beyond 0 and 1 a label may lie. Readers whose word is hardly better than chance would go farther, and then say nothing reliable."""
LARGEST_PANEL = 12
"""Readers of one film beyond which their vote is taken as it is: nothing is left to be said."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Habit:
    """How the readers of a finding err: share of positives that one of them sees, of negatives that one leaves; share of films that show it."""

    sensitivity: float
    specificity: float
    prevalence: float


def seen_by(pairs: Counts) -> tuple[Counts, Counts]:
    """Readers who saw the finding, and all readers, of each film, from its pairs of readers [films, 3]; 0 where nobody or one read it.

    >>> seen, readers = seen_by(np.array([[1, 2, 0], [0, 0, 3], [0, 0, 0]]))
    >>> seen.tolist(), readers.tolist()
    ([2, 0, 0], [3, 3, 0])
    """
    total = pairs.sum(axis=1)
    readers = np.where(total > 0, np.rint((1 + np.sqrt(1 + 8 * total)) / 2), 0).astype(np.int64)
    both = pairs[:, BOTH]
    several = np.rint((1 + np.sqrt(1 + 8 * both)) / 2).astype(np.int64)
    alone = np.where(pairs[:, ONE] > 0, 1, 0)
    return np.where(total > 0, np.where(both > 0, several, alone), 0), readers


def learn_habit(seen: Counts, readers: Counts) -> Habit:
    """Estimate truth and readers together, from how many of its readers saw the finding on each film; to the maximum of the posterior.

    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random(20_000) < 0.2
    >>> habit = learn_habit(rng.binomial(3, np.where(truth, 0.9, 0.03)), np.full(20_000, 3))
    >>> round(habit.sensitivity, 2), round(habit.specificity, 2), round(habit.prevalence, 2)
    (0.9, 0.97, 0.2)
    """
    (yes, all_), films = np.unique(np.stack([seen, readers]), axis=1, return_counts=True)
    habit = Habit(*(prior[0] / sum(prior) for prior in (SENSITIVITY_PRIOR, SPECIFICITY_PRIOR, PREVALENCE_PRIOR)))
    for _ in range(ITERATIONS):
        truth = _probability(habit, yes, all_)
        positive, negative = films * truth, films * (1 - truth)
        found = Habit(
            _mean((positive * yes).sum(), (positive * (all_ - yes)).sum(), SENSITIVITY_PRIOR),
            _mean((negative * (all_ - yes)).sum(), (negative * yes).sum(), SPECIFICITY_PRIOR),
            _mean(positive.sum(), negative.sum(), PREVALENCE_PRIOR),
        )
        moved = max(abs(found.sensitivity - habit.sensitivity), abs(found.specificity - habit.specificity))
        habit = found
        if moved < SETTLED:
            break
    return habit


@lru_cache(maxsize=PATTERNS_HELD)
def panel_label(habit: Habit, seen: int, readers: int) -> float:
    """Label of a film that so many of its readers saw the finding on.

    >>> [round(panel_label(Habit(0.85, 0.95, 0.25), seen, 3), 2) for seen in range(4)]
    [-0.03, 0.11, 1.01, 1.08]
    """
    votes = np.arange(readers + 1)
    probability = _probability(habit, votes, np.full(readers + 1, readers))
    ways = np.array([comb(readers, one) for one in votes.tolist()], dtype=np.float64)
    above, below = (
        float((ways * rate**votes * (1 - rate) ** (readers - votes) * probability).sum())
        for rate in (habit.sensitivity, 1 - habit.specificity)
    )
    return float(np.clip((probability[seen] - below) / max(above - below, 1e-6), -BEYOND, 1 + BEYOND))


def habits_of(findings: tuple[str, ...], batch: Batch) -> dict[str, Habit]:
    """How the readers of each finding err, where films were read by several."""
    found: dict[str, Habit] = {}
    for place, finding in enumerate(findings):
        seen, readers = (np.empty(0, np.int64),) * 2 if batch.pairs is None else seen_by(batch.pairs[:, place])
        several = readers > 1
        if several.any():
            found[finding] = learn_habit(seen[several], readers[several])
    return found


def relabelled(batch: Batch, findings: tuple[str, ...], habits: Mapping[str, Habit]) -> Batch:
    """Give films that several readers read the label of their panel; all others keep theirs."""
    if batch.pairs is None or not batch.pairs.any() or not habits:
        return batch
    labels = batch.labels.astype(np.float64)
    for place, finding in enumerate(findings):
        seen, readers = seen_by(batch.pairs[:, place])
        for row in np.flatnonzero((readers > 1) & (readers <= LARGEST_PANEL) & ~np.isnan(labels[:, place])) if finding in habits else ():
            labels[row, place] = panel_label(habits[finding], int(seen[row]), int(readers[row]))
    return replace(batch, labels=labels)


def _probability(habit: Habit, seen: Counts, readers: Counts) -> Floats:
    """Of the finding, given the votes."""
    for_it = np.log(habit.sensitivity / (1 - habit.specificity))
    against = np.log((1 - habit.sensitivity) / habit.specificity)
    return np.asarray(expit(logit(habit.prevalence) + seen * for_it + (readers - seen) * against))


def _mean(hits: float, misses: float, prior: tuple[float, float]) -> float:
    return float((hits + prior[0]) / (hits + misses + sum(prior)))
