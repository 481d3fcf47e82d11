"""Readers: what several of them, none infallible, make of one finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

SENSITIVITY_PRIOR = (8.0, 2.0)
SPECIFICITY_PRIOR = (19.0, 1.0)
PREVALENCE_PRIOR = (1.0, 9.0)
"""Beta distributions of what a reader of films is expected to be before any of them is known: 80 % of positives seen, 95 % of negatives;
one film in ten shows the finding. They keep the estimate from the corners, where unregularised EM ends when positives are few."""
ITERATIONS = 200
SETTLED = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """What a set of films and votes says of its readers.

    truth: probability of the finding, film by film [n]. sensitivity, specificity: of each reader [readers]. prevalence: of the finding.
    """

    truth: Floats
    sensitivity: Floats
    specificity: Floats
    prevalence: float


def dawid_skene(votes: Floats) -> Panel:
    """Estimate truth and readers together: each film's truth from its readers, each reader from the films, until both agree.

    Expectation-maximisation for two classes, to the maximum of the posterior: every rate has a Beta prior (MAP), so that no reader is ever
    infallible. It assumes that readers err independently given the truth; where they err together, agreement is taken for certainty.

    Args:
        votes: [films, readers], 0 to 1, NaN where a reader did not read the film. A vote between counts as part of each.

    Returns:
        Probabilities of the films and rates of the readers; a film without any vote has the prevalence.

    Source:
        Dawid and Skene 1979, Applied Statistics 28:20.

    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random(20_000) < 0.2
    >>> votes = np.stack([np.where(truth, rng.random(20_000) < s, rng.random(20_000) > 0.95) for s in (0.9, 0.7, 0.5)], axis=1).astype(float)
    >>> panel = dawid_skene(votes)
    >>> bool(np.abs(panel.sensitivity - [0.9, 0.7, 0.5]).max() < 0.07), round(panel.prevalence, 1)
    (True, 0.2)
    """
    seen = ~np.isnan(votes)
    yes, no = np.where(seen, votes, 0.0), np.where(seen, 1 - votes, 0.0)
    readers = votes.shape[1]
    panel = Panel(
        truth=np.zeros(len(votes)),
        sensitivity=np.full(readers, _mean(SENSITIVITY_PRIOR)),
        specificity=np.full(readers, _mean(SPECIFICITY_PRIOR)),
        prevalence=_mean(PREVALENCE_PRIOR),
    )
    for _ in range(ITERATIONS):
        truth = _truth(yes, no, panel)
        moved = float(np.abs(truth - panel.truth).max(initial=0.0))
        panel = Panel(
            truth=truth,
            sensitivity=_posterior_mean(truth @ yes, truth @ no, SENSITIVITY_PRIOR),
            specificity=_posterior_mean((1 - truth) @ no, (1 - truth) @ yes, SPECIFICITY_PRIOR),
            prevalence=float(_posterior_mean(truth.sum(), (1 - truth).sum(), PREVALENCE_PRIOR)),
        )
        if moved < SETTLED:
            break
    return panel


def soft_label(votes: Sequence[float]) -> float:
    """Probability of a finding given the votes of several readers of whom nothing is known but the priors.

    It depends on the votes of this film alone, so one film's correction is no other film's.

    >>> [round(soft_label(votes), 2) for votes in ([1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0])]
    [1.0, 0.86, 0.07, 0.0]
    """
    sensitivity, specificity = _mean(SENSITIVITY_PRIOR), _mean(SPECIFICITY_PRIOR)
    for_it, against = log(sensitivity / (1 - specificity)), log((1 - sensitivity) / specificity)
    odds = log(_mean(PREVALENCE_PRIOR) / (1 - _mean(PREVALENCE_PRIOR))) + sum(v * for_it + (1 - v) * against for v in votes)
    return 1 / (1 + exp(-odds)) if odds > 0 else exp(odds) / (1 + exp(odds))


def pairs_of(votes: Sequence[float]) -> tuple[int, int, int]:
    """Pairs of readers of whom both, one and none saw the finding; a vote of one half or more saw it.

    >>> pairs_of([1, 1, 0])
    (1, 2, 0)
    """
    positive = sum(vote >= 0.5 for vote in votes)  # noqa: PLR2004 - the middle
    negative = len(votes) - positive
    return positive * (positive - 1) // 2, positive * negative, negative * (negative - 1) // 2


def _truth(yes: Floats, no: Floats, panel: Panel) -> Floats:
    for_it = np.log(panel.sensitivity / (1 - panel.specificity))
    against = np.log((1 - panel.sensitivity) / panel.specificity)
    odds = log(panel.prevalence / (1 - panel.prevalence)) + yes @ for_it + no @ against
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -500, 500))))


def _posterior_mean(hits: Floats | float, misses: Floats | float, prior: tuple[float, float]) -> Floats:
    return np.asarray((hits + prior[0]) / (hits + misses + sum(prior)))


def _mean(prior: tuple[float, float]) -> float:
    return prior[0] / sum(prior)
