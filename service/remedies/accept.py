"""Accept: whether a model does at a new site, on a new scanner, or as a new version what it is to do there, on local labelled films, before it goes live.

What it is held against: the champion on the same films, where the version is a challenger; else what was claimed for it beforehand, finding by
finding the same; else itself on the films of everywhere else. Margins, numbers and error are those of the plan's `[remedies.acceptance]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from detectors.decision import Decision
from detectors.local_rates import apart, local_rates
from detectors.non_inferiority import judge, together
from detectors.paired import Difference, Pair
from detectors.plan import ALL
from service.domain import ModelVersion
from service.errors import InvalidRequestError
from service.models.manifest import Manifest, parse_manifest
from service.models.plan import Acceptance
from service.remedies.answered import MOST_CASES, Sides, answered_by_both
from service.remedies.comparison import Criterion
from service.remedies.criteria import LEAST, MIDDLE, SHOWN, Place, criteria
from service.store.comparisons import labelled_between
from service.store.ids import uuid7_floor
from service.store.models import champion
from service.store.rows import Rows, rows_between
from service.worker.columns import subgroups_of

CLAIMS: Final = ("auroc", "sensitivity", "specificity")
SLOPE: Final = "calibration_slope"
AGAINST = {
    "champion": "the champion on the same films",
    "claim": "what was claimed for it",
    "elsewhere": "itself on the films of everywhere else",
}

Chosen = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Local:
    """What is to be accepted, declared before it is looked at.

    place: an attribute and its value, such as site=south or ManufacturerModelName=GAMMA; `all`: every film. since: films from here on.
    cases: the first so many labelled films count, and fewer are too few; 0: all, as many as the plan asks for. claims: measure -> what is claimed.

    Raises:
        InvalidRequestError: It is no place, or no claim.
    """

    place: str = ALL
    since: datetime | None = None
    cases: int = 0
    claims: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.place != ALL and not all(self.place.partition("=")[::2]):
            raise InvalidRequestError("A place is an attribute and its value, such as site=south.")
        if not set(self.claims) <= set(CLAIMS) or not all(0 < value <= 1 for value in self.claims.values()):
            raise InvalidRequestError(f"What can be claimed: {', '.join(CLAIMS)}, above 0 and at most 1.")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The outcome. against: champion, claim or elsewhere. cases: local labelled films. more: so many are missing; None: nobody can say, or none."""

    decision: Decision
    summary: str
    against: str
    cases: int
    more: int | None
    criteria: tuple[Criterion, ...]


def accept(connection: Connection, version: ModelVersion, local: Local, now: datetime) -> Accepted:
    """Judge a version on the labelled films of a place.

    Raises:
        UnknownModelError: Nobody answers for the model.
        InvalidRequestError: There is nothing that it could be held against.
    """
    manifest = parse_manifest(version.manifest)
    plan = manifest.remedies.acceptance
    since = local.since or now - timedelta(days=manifest.remedies.label_days)
    if version.state == "shadow":
        against, lines, cases = "champion", *_beside(connection, version, local, since, now)
    else:
        rows = _labelled(connection, version, manifest, since, now)
        here = first(inside(rows, local.place), local.cases)
        there = None if local.claims else rows.of(~inside(rows, local.place))
        if there is not None and local.place == ALL:
            raise InvalidRequestError("Say what is claimed for the model, or name a place: a model cannot be held against itself.")
        against, cases = "claim" if there is None else "elsewhere", int(here.sum())
        lines = _counted(lambda claims: _apart(plan, manifest, local, rows.of(here), there, claims=claims))
    if cases < local.cases:
        lines.append(Criterion("cases", "", local.place, Decision.NOT_YET, limit=local.cases, n=cases, more=local.cases - cases))
    return _told(lines, against, cases)


def inside(rows: Rows, place: str) -> Chosen:
    """Which films are of a place."""
    if place == ALL:
        return np.ones(len(rows), np.bool_)
    name, _, value = place.partition("=")
    column = subgroups_of([name], rows)[name]
    return np.asarray([one is not None and str(one).casefold() == value.casefold() for one in column], np.bool_)


def first(chosen: Chosen, most: int) -> Chosen:
    """The first so many of the chosen ones; 0: all.

    >>> first(np.array([True, False, True, True]), 2).tolist()
    [True, False, True, False]
    """
    return chosen & (np.cumsum(chosen) <= most) if most else chosen


def _labelled(connection: Connection, version: ModelVersion, manifest: Manifest, since: datetime, now: datetime) -> Rows:
    known = labelled_between(connection, version.id, uuid7_floor(since), uuid7_floor(now), MOST_CASES)
    tiers = manifest.monitoring.label_tiers
    return rows_between(connection, version.id, since, now, manifest.finding_names, tiers=tiers, among=known)


def _beside(connection: Connection, version: ModelVersion, local: Local, since: datetime, now: datetime) -> tuple[list[Criterion], int]:
    """The champion and a challenger on the same films of the place."""
    sides = Sides.of(champion(connection, version.model), version)
    plan, found = sides.ours.remedies.acceptance, answered_by_both(connection, sides, max(since, version.registered_at), now)
    here = first(inside(found.rows, local.place), local.cases)
    theirs = {one.name: one.threshold_logit for one in sides.theirs.findings}

    def lines(claims: int) -> Iterator[Criterion]:
        for column, finding in enumerate(sides.ours.findings):
            known = here & ~np.isnan(found.rows.labels[:, column])
            pair = pair_of(found.rows.of(known), column, found.challenger[known, column])
            place = Place(finding.name, ALL, finding.threshold_logit, theirs[finding.name])
            yield from (replace(one, cell=local.place) for one in criteria(plan, place, pair, claims))

    return _counted(lines), int(here.sum())


def _apart(plan: Acceptance, manifest: Manifest, local: Local, here: Rows, there: Rows | None, *, claims: int) -> Iterator[Criterion]:
    """One model on the films of the place, against other films or against a claim."""
    for column, finding in enumerate(manifest.findings):
        mine = pair_of(here.of(~np.isnan(here.labels[:, column])), column)
        others = None if there is None else pair_of(there.of(~np.isnan(there.labels[:, column])), column)
        yield from _finding(plan, local, (finding.name, finding.threshold_logit), mine, others, claims=claims)


def _finding(
    plan: Acceptance, local: Local, named: tuple[str, float], mine: Pair, others: Pair | None, *, claims: int
) -> Iterator[Criterion]:
    bare = Criterion("auroc", named[0], local.place, Decision.NOT_YET, n=len(mine.truth), positives=_sides(mine)[0])
    needed = (plan.minimum_positives, plan.minimum_negatives)
    short = [lacking(mine, needed), *([] if others is None else [lacking(others, needed)])]
    if any(short):
        where = "here" if short[0] else "elsewhere"
        bare = replace(bare, n=0, positives=0) if len(np.unique(mine.groups)) < SHOWN else bare
        yield replace(bare, reason=f"{needed[0]} positives and {needed[1]} negatives needed {where}", more=short[0] or None)
        return
    ours, baseline = local_rates(mine, named[1]), None if others is None else local_rates(others, named[1])
    decide = partial(judge, alpha=plan.alpha, claims=claims, planned=sum(needed))
    margins = {"auroc": plan.auroc_margin, "sensitivity": plan.sensitivity_margin, "specificity": plan.specificity_margin}
    for name, margin in margins.items():
        target = local.claims.get(name) if baseline is None else baseline[name]
        if target is None:
            continue
        found = apart(ours[name], target)
        value = target.value if isinstance(target, Difference) else target
        judged = decide(found, margin)
        line = replace(bare, measure=name, champion=value, challenger=ours[name].value, difference=found.value, limit=margin)
        yield replace(line, low=found.interval.low, high=found.interval.high, decision=judged.decision, more=judged.more or None)
    (low, high), slope = plan.calibration_slope, ours[SLOPE]
    two = [decide(replace(slope, value=slope.value - low), 0.0), decide(replace(slope, value=high - slope.value), 0.0)]
    waits = [one.more for one in two if one.more]
    line = replace(bare, measure=SLOPE, challenger=slope.value, low=slope.interval.low, high=slope.interval.high)
    decision = together([one.decision for one in two])
    yield replace(line, decision=decision, reason=f"between {low:g} and {high:g}", more=max(waits) if waits else None)


def lacking(films: Pair, needed: tuple[int, int]) -> int:
    """Films that are missing at today's shares before either class is there in number; 0: none."""
    positives, negatives = _sides(films)
    if positives >= max(needed[0], LEAST) and negatives >= max(needed[1], LEAST):
        return 0
    n = max(positives + negatives, 1)
    wanted = [round(n * need / have) if have else need + n for have, need in zip((positives, negatives), needed, strict=True)]
    return max(*wanted, n + 1) - n


def pair_of(rows: Rows, column: int, challenger: NDArray[np.float32] | None = None) -> Pair:
    """The labelled films of one finding; without a challenger the model itself is."""
    scores = rows.logits[:, column].astype(np.float64)
    other = scores if challenger is None else challenger.astype(np.float64)
    return Pair.of(rows.labels[:, column], scores, other, rows.weights[:, column], rows.patients)


def _sides(films: Pair) -> tuple[int, int]:
    positives = int((films.truth >= MIDDLE).sum())
    return positives, len(films.truth) - positives


def _counted(lines_of: Callable[[int], Iterator[Criterion]]) -> list[Criterion]:
    """Lines, of which those that decide are counted first: a fail must be the surer the more are judged."""
    claims = sum(one.decision is not None for one in lines_of(1))
    return list(lines_of(max(claims, 1)))


def _told(lines: Sequence[Criterion], against: str, cases: int) -> Accepted:
    decision = together([one.decision for one in lines if one.decision is not None])
    more = [one.more for one in lines if one.decision is Decision.NOT_YET and one.more]
    named = [f"{one.measure.replace('_', ' ')} of {one.finding}".removesuffix(" of ") for one in lines if one.decision is decision]
    what = "; ".join(named[:4]) + (f"; and {len(named) - 4} more" if len(named) > 4 else "")  # noqa: PLR2004 - as many as one reads
    told = {
        Decision.PASS: f"Not worse than {AGAINST[against]} beyond the plan's margins: {what}.",
        Decision.FAIL: f"Worse than {AGAINST[against]} beyond the plan's margins: {what}.",
        Decision.NOT_YET: f"Not known yet: {what or 'no labelled film of this place'}."
        + (f" About {max(more)} more labelled films of this place are needed." if more else ""),
    }
    return Accepted(decision, told[decision], against, cases, max(more) if more and decision is Decision.NOT_YET else None, tuple(lines))
