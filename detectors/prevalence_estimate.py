"""Prevalence estimate: how many films are positive, from scores alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from detectors.divergence import compare
from detectors.intervals import Z
from detectors.measurement import Interval, Measurement, Verdict
from detectors.mixture import Estimate, mixture_share
from detectors.reference import Reference
from detectors.schema import NEGATIVE, POSITIVE
from detectors.tally import Tally, tally_of

LIKELIHOOD, CONFUSION = "prevalence_estimate", "prevalence_cross_check"
SCORES_NEEDED, EVENTS_NEEDED = 50, 50
"""Scores in the window; positives and negatives, each, in the reference."""
GROUPS = 20
MISFIT_P, MISFIT_DISTANCE = 1e-3, 0.1
SMALLEST_DISAGREEMENT = 0.05
"""Difference of the two estimates below which they agree."""
SMALLEST_CONTRAST = 0.1
"""Sensitivity less false positive rate below which the operating point says nothing about prevalence."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is estimated of which finding in which cell: scores in the window, reference prevalence, dispersion, smallest odds ratio that matters."""

    cell: str
    finding: str
    n: int
    usual: float
    dispersion: float
    minimum_odds_ratio: float


def prevalence_estimate(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Estimate the prevalence of every finding without labels, in two ways; either direction breaches.

    prevalence_estimate: the share pi that makes pi f1 + (1 - pi) f0 most likely for the window's score histogram, f1 and f0 the
    reference's histograms of positives and negatives on 20 groups (the fixed point of Saerens' EM, found as the root of its concave
    likelihood). prevalence_cross_check: (flag rate - false positive rate) / (sensitivity - false positive rate), from the operating
    point alone (BBSE). Both assume that positives and negatives still look as they did; the interval carries the noise of window
    and reference. The limit is the reference's prevalence, moved by the plan's odds ratio and z standard errors.

    Returns:
        Two measurements a finding. `insufficient` below 50 scores or 50 reference positives or negatives, and where the assumption
        visibly fails: the window's scores are no mixture of the two histograms, or the two estimates surely disagree (both look
        at the same films, so they can differ by little where it holds); they are told all the same then. n: scores.

    Source:
        Saerens, Latinne, Decaestecker 2002, Neural Computation 14:21; Lipton, Wang, Smola 2018, arXiv 1802.03916.
    """
    cells = [(cell, tally_of(reference.schema, window, cell)) for cell in reference.strata]
    return [one for cell, now in cells for finding in reference.schema.findings for one in _measure(reference, cell, now, finding)]


def confusion_share(flagged: float, sensitivity: float, false_positive_rate: float) -> float:
    """Share of positives that explains a flag rate.

    >>> round(confusion_share(0.3, 0.8, 0.1), 3)
    0.286
    """
    return float(np.clip((flagged - false_positive_rate) / (sensitivity - false_positive_rate), 0.0, 1.0))


def _measure(reference: Reference, cell: str, now: Tally, finding: str) -> list[Measurement]:
    then = reference.tallies[reference.strata[cell]]
    events = then.scores(finding)[[NEGATIVE, POSITIVE]].sum(axis=1)
    if now.n < SCORES_NEEDED or events.min() < EVENTS_NEEDED:
        reason = f"{SCORES_NEEDED} scores needed, and {EVENTS_NEEDED} positives and negatives in the reference"
        return [Measurement.insufficient(name, now.n, reason, cell=cell, finding=finding) for name in (LIKELIHOOD, CONFUSION)]
    subject = Subject(
        cell=cell,
        finding=finding,
        n=now.n,
        usual=float(then.groups(finding)[1].sum() / then.groups(finding)[0].sum()),
        dispersion=reference.dispersion_of("score", finding=finding),
        minimum_odds_ratio=reference.plan.minimum_odds_ratio,
    )
    return _agreed(_by_likelihood(subject, then.scores(finding), now.scores(finding).sum(axis=0)), _by_confusion(subject, then, now))


def _agreed(likelihood: Measurement, confusion: Measurement) -> list[Measurement]:
    """Both as they are, or both without a verdict where neither can be believed."""
    if likelihood.value is None or confusion.value is None or not (likelihood.interval and confusion.interval):
        return [likelihood, confusion]
    gap = abs(likelihood.value - confusion.value)
    halves = [(one.high - one.low) / 2 for one in (likelihood.interval, confusion.interval)]
    if gap <= max(hypot(*halves), SMALLEST_DISAGREEMENT):
        return [likelihood, confusion]
    reason = "the estimates disagree: positives or negatives look otherwise than in the reference"
    return [replace(one, limit=None, verdict=Verdict.INSUFFICIENT, reason=reason) for one in (likelihood, confusion)]


def _by_likelihood(subject: Subject, then: NDArray[np.int64], now: NDArray[np.int64]) -> Measurement:
    phi = subject.dispersion
    bins = _groups(then[[NEGATIVE, POSITIVE]].sum(axis=0))
    window, positive, negative = (np.bincount(bins, weights=counts, minlength=GROUPS) for counts in (now, then[POSITIVE], then[NEGATIVE]))
    found = mixture_share(window / phi, positive / phi, negative / phi)
    mixed = found.value * positive / positive.sum() + (1 - found.value) * negative / negative.sum()
    fit = compare(np.rint(mixed * then[[NEGATIVE, POSITIVE]].sum()).astype(np.int64), window.astype(np.int64), phi)
    if fit.p < MISFIT_P and fit.distance > MISFIT_DISTANCE:
        reason = "the scores are no mixture of the reference's positives and negatives"
        return Measurement.insufficient(LIKELIHOOD, subject.n, reason, cell=subject.cell, finding=subject.finding)
    return _judged(LIKELIHOOD, subject, found)


def _by_confusion(subject: Subject, then: Tally, now: Tally) -> Measurement:
    decisions = then.decisions(subject.finding)
    positives, negatives = int(decisions[POSITIVE].sum()), int(decisions[NEGATIVE].sum())
    sensitivity, false_positive_rate = float(decisions[POSITIVE, 1] / positives), float(decisions[NEGATIVE, 1] / negatives)
    contrast = sensitivity - false_positive_rate
    if contrast < SMALLEST_CONTRAST:
        reason = "the operating point hardly tells positives from negatives"
        return Measurement.insufficient(CONFUSION, subject.n, reason, cell=subject.cell, finding=subject.finding)
    flagged = float(now.decisions(subject.finding)[:, 1].sum() / now.n)
    share = confusion_share(flagged, sensitivity, false_positive_rate)
    variance = flagged * (1 - flagged) / now.n + share**2 * sensitivity * (1 - sensitivity) / positives
    variance += (1 - share) ** 2 * false_positive_rate * (1 - false_positive_rate) / negatives
    return _judged(CONFUSION, subject, Estimate(share, sqrt(subject.dispersion * variance) / contrast))


def _judged(name: str, subject: Subject, found: Estimate) -> Measurement:
    above = found.value >= subject.usual
    edge = float(expit(logit(subject.usual) + log(subject.minimum_odds_ratio) * (1 if above else -1)))
    limit = min(1.0, edge + Z * found.error) if above else max(0.0, edge - Z * found.error)
    breached = found.value > limit if above else found.value < limit
    interval = Interval(max(0.0, found.value - Z * found.error), min(1.0, found.value + Z * found.error))
    verdict = Verdict.BREACHED if breached else Verdict.WITHIN
    return Measurement(name, found.value, subject.n, interval, limit, verdict, cell=subject.cell, finding=subject.finding)


def _groups(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    middle = np.cumsum(counts) - counts / 2
    return np.asarray(np.clip(middle * GROUPS / counts.sum(), 0, GROUPS - 1), dtype=np.int64)
