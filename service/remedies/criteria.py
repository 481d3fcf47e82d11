"""Criteria: what the plan asks of a challenger, held against the films of one finding in one cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.special import expit

from detectors.auroc_difference import auroc_difference
from detectors.brier_difference import brier_difference
from detectors.calibration_difference import calibration_difference
from detectors.decision import Decision
from detectors.mcnemar import mcnemar
from detectors.non_inferiority import Judged, judge, together
from detectors.paired import Difference, Pair
from detectors.plan import ALL
from detectors.rate_difference import Rates, sensitivity_difference, specificity_difference
from service.models.plan import Acceptance
from service.remedies.comparison import Criterion

SHOWN = 11
"""Patients from which the numbers of a cell are shown: fewer could be known by them."""
LEAST = 2
MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """A finding in a cell, with the operating points of both as logits."""

    finding: str
    cell: str
    champion_threshold: float
    challenger_threshold: float


def criteria(plan: Acceptance, place: Place, pair: Pair, claims: int) -> Iterator[Criterion]:
    """Every line of one finding in one cell. Scores of the pair are logits.

    claims: how many lines are judged in all, for the multiplicity of fails (detectors/non_inferiority.py).
    """
    positives = int((pair.truth >= MIDDLE).sum())
    negatives, patients = len(pair.truth) - positives, len(np.unique(pair.groups))
    bare = Criterion("auroc", place.finding, place.cell, None, n=len(pair.truth), positives=positives)
    whole = place.cell == ALL
    needed = (plan.minimum_positives, plan.minimum_negatives) if whole else (plan.subgroup_minimum, plan.subgroup_minimum)
    if patients < SHOWN and not whole:
        yield replace(bare, n=0, positives=0, reason=f"fewer than {SHOWN} patients")
        return
    enough = positives >= needed[0] and negatives >= needed[1]
    if min(positives, negatives) < LEAST:
        yield replace(bare, decision=Decision.NOT_YET if whole else None, reason=_lack(needed), more=_missing(positives, negatives, needed))
        return
    decide = partial(judge, alpha=plan.alpha, claims=claims, planned=sum(needed))
    for line, judged in _lines(plan, place, pair, bare, decide):
        yield _decided(line, judged) if enough else _unripe(line, needed, negatives, whole=whole)


def _lines(
    plan: Acceptance, place: Place, pair: Pair, bare: Criterion, decide: partial[Judged]
) -> Iterator[tuple[Criterion, tuple[Judged, ...]]]:
    """Each line with what decides it."""
    whole = place.cell == ALL
    areas = auroc_difference(pair)
    margin = plan.auroc_margin if whole else plan.subgroup_margin
    line = _filled(bare, (areas.champion, areas.challenger), areas.difference, margin, areas.p)
    yield line, (decide(areas.difference, margin),)
    flags = pair.of_scores(*(np.asarray(scores >= at, np.float64) for scores, at in _deployed(place, pair)))
    for name, rates, chosen, own in (
        ("sensitivity", sensitivity_difference(flags), pair.truth >= MIDDLE, plan.sensitivity_margin),
        ("specificity", specificity_difference(flags), pair.truth < MIDDLE, plan.specificity_margin),
    ):
        assert isinstance(rates, Rates)  # noqa: S101 - both classes are there
        margin = own if whole else plan.subgroup_margin
        p = mcnemar(flags.select(chosen)).p
        line = _filled(replace(bare, measure=name), (rates.champion, rates.challenger), rates.difference, margin, p)
        yield line, (decide(rates.difference, margin),)
    if whole:
        yield from _calibration(plan, pair, bare, decide)


def _deployed(place: Place, pair: Pair) -> tuple[tuple[np.ndarray[tuple[int], np.dtype[np.float64]], float], ...]:
    return (pair.champion, place.champion_threshold), (pair.challenger, place.challenger_threshold)


def _calibration(plan: Acceptance, pair: Pair, bare: Criterion, decide: partial[Judged]) -> Iterator[tuple[Criterion, tuple[Judged, ...]]]:
    briers = brier_difference(pair.of_scores(expit(pair.champion), expit(pair.challenger)))
    line = _filled(replace(bare, measure="brier_score"), (briers.champion, briers.challenger), briers.difference, plan.brier_margin)
    yield line, (decide(briers.difference.negated(), plan.brier_margin),)
    lines, (low, high) = calibration_difference(pair), plan.calibration_slope
    slope = lines.slope
    shown = replace(
        bare,
        measure="calibration_slope",
        champion=lines.champion_slope,
        challenger=slope.value,
        difference=slope.value - lines.champion_slope,
        low=slope.interval.low,
        high=slope.interval.high,
        reason=f"between {low:g} and {high:g}",
    )
    above, below = replace(slope, value=slope.value - low), replace(slope, value=high - slope.value)
    yield shown, (decide(above, 0.0), decide(below, 0.0))


def _filled(bare: Criterion, values: tuple[float, float], found: Difference, limit: float, p: float | None = None) -> Criterion:
    return replace(
        bare,
        champion=values[0],
        challenger=values[1],
        difference=found.value,
        low=found.interval.low,
        high=found.interval.high,
        limit=limit,
        p=p,
    )


def _decided(line: Criterion, judged: tuple[Judged, ...]) -> Criterion:
    decision = together([one.decision for one in judged])
    waits = [one.more for one in judged if one.decision is Decision.NOT_YET]
    more = None if decision is not Decision.NOT_YET or None in waits else max(one for one in waits if one is not None)
    return replace(line, decision=decision, more=more)


def _unripe(line: Criterion, needed: tuple[int, int], negatives: int, *, whole: bool) -> Criterion:
    """Too few cases: over all films that is waited for; in a subgroup it is shown and not judged."""
    if not whole:
        return replace(line, reason=_lack(needed))
    return replace(line, decision=Decision.NOT_YET, reason=_lack(needed), more=_missing(line.positives, negatives, needed))


def _lack(needed: tuple[int, int]) -> str:
    return f"{needed[0]} positives and {needed[1]} negatives needed"


def _missing(positives: int, negatives: int, needed: tuple[int, int]) -> int | None:
    """Films after which both classes would be there at today's shares; None where one of them never came."""
    n = positives + negatives
    if min(positives, negatives) == 0:
        return None
    return max(round(n * needed[0] / positives), round(n * needed[1] / negatives), n + 1) - n
