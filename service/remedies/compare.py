"""Compare: champion against challenger on the same labelled films, by what the plan declared before anything went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from math import ceil

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from detectors.decision import Decision
from detectors.non_inferiority import together
from detectors.paired import Pair
from detectors.plan import ALL
from service.domain import ModelVersion
from service.models.plan import Acceptance
from service.remedies.answered import Cases, Sides, answered_by_both
from service.remedies.comparison import Comparison, Criterion
from service.remedies.criteria import Place, criteria
from service.remedies.plan import plan_of
from service.store.models import champion as champion_of
from service.store.remedies import remedy_of_challenger
from service.store.rows import Rows
from service.store.shadow_predictions import first_shadow
from service.worker.columns import subgroups_of

VALUES = 16
"""Values of a subgroup that are looked at, most frequent first."""
LONGEST_WAIT_DAYS = 3650


def compare(connection: Connection, challenger: ModelVersion, now: datetime) -> Comparison:
    """Compare a challenger with its model's champion on films received since it has been in the shadow.

    No film that it was trained or fitted on is among them: those came before. Films of one patient count as one witness. A recalibrated version
    was never asked: its scores follow from the stored ones.

    Raises:
        UnknownModelError: Nobody answers for the model.
    """
    sides = Sides.of(champion_of(connection, challenger.model), challenger)
    remedy = remedy_of_challenger(connection, challenger.id)
    plan = (sides.ours.remedies if remedy is None else plan_of(remedy)).acceptance
    since = challenger.registered_at if sides.derived else first_shadow(connection, challenger.id)
    if not set(sides.ours.finding_names) <= set(sides.theirs.finding_names):
        return _told(sides, [Criterion("findings", "", ALL, Decision.FAIL, reason="a finding is missing")], Volume(0, 0.0, now))
    if since is None or since >= now:
        return _told(sides, [Criterion("days", "", ALL, Decision.NOT_YET, reason="not in the shadow yet")], Volume(0, 0.0, now))
    cases = answered_by_both(connection, sides, since, now)
    days = max((now - since) / timedelta(days=1), 1 / 24)
    lines = [*_patience(plan, since, now), *_lines(plan, sides, cases)]
    if not sides.derived:
        lines.append(_latency(plan, cases))
    return _told(sides, lines, Volume(len(cases.rows), len(cases.rows) / days, now, cases.sources))


def _lines(plan: Acceptance, sides: Sides, cases: Cases) -> list[Criterion]:
    """All lines; those that could decide are counted first, since a fail must be the surer the more are judged."""
    counted = list(_all(plan, sides, cases, 1))
    claims = sum(one.decision is not None for one in counted)
    return list(_all(plan, sides, cases, claims))


def _all(plan: Acceptance, sides: Sides, cases: Cases, claims: int) -> Iterator[Criterion]:
    cells = cells_of(sides.ours.monitoring.subgroups, cases.rows, 2 * plan.subgroup_minimum)
    other = {finding.name: finding for finding in sides.theirs.findings}
    for column, finding in enumerate(sides.ours.findings):
        for cell, inside in cells.items():
            known = inside & ~np.isnan(cases.rows.labels[:, column])
            place = Place(finding.name, cell, finding.threshold_logit, other[finding.name].threshold_logit)
            yield from criteria(plan, place, _pair(cases, column, known), claims)


def _pair(cases: Cases, column: int, known: NDArray[np.bool_]) -> Pair:
    rows = cases.rows
    scores = (rows.logits[known, column].astype(np.float64), cases.challenger[known, column].astype(np.float64))
    return Pair.of(rows.labels[known, column], *scores, rows.weights[known, column], rows.patients[known])


def cells_of(subgroups: Sequence[str], rows: Rows, least: int) -> Mapping[str, NDArray[np.bool_]]:
    """The whole, then each value of each declared subgroup that has so many films, most frequent first."""
    cells = {ALL: np.ones(len(rows), np.bool_)}
    for name, column in subgroups_of(subgroups, rows).items():
        values, counts = np.unique([str(value) for value in column if value is not None], return_counts=True)
        for place in np.lexsort((values, -counts))[:VALUES]:
            if counts[place] >= least:
                cells[f"{name}={values[place]}"] = np.asarray(column == values[place], np.bool_)
    return cells


def _patience(plan: Acceptance, since: datetime, now: datetime) -> list[Criterion]:
    if not plan.minimum_days:
        return []
    due = since + timedelta(days=plan.minimum_days)
    decision = Decision.PASS if now >= due else Decision.NOT_YET
    return [Criterion("days", "", ALL, decision, limit=plan.minimum_days, ready_on=None if now >= due else due.date())]


def _latency(plan: Acceptance, cases: Cases) -> Criterion:
    """The median of what the challenger takes for a film, as a share of the median of what an answer of the champion takes in all."""
    if not len(cases.champion_ms):
        return Criterion("latency", "", ALL, Decision.NOT_YET, limit=plan.latency_ratio)
    one, other = float(np.median(cases.champion_ms)), float(np.median(cases.challenger_ms))
    ratio = other / max(one, 1e-3)
    decision = Decision.PASS if ratio <= plan.latency_ratio else Decision.FAIL
    return Criterion("latency", "", ALL, decision, one, other, other - one, limit=plan.latency_ratio, n=len(cases.champion_ms), reason="ms")


@dataclass(frozen=True, slots=True)
class Volume:
    """Labelled films that both answered, how many a day, today, and how many of which source."""

    cases: int
    a_day: float
    now: datetime
    sources: Mapping[str, int] = field(default_factory=dict)


def _told(sides: Sides, lines: Sequence[Criterion], volume: Volume) -> Comparison:
    """All of it, with the day on which each line is expected to be decided."""
    dated = tuple(one if one.more is None else replace(one, ready_on=_day(volume, one.more)) for one in lines)
    decision = together([one.decision for one in dated if one.decision is not None])
    waits = [one for one in dated if one.decision is Decision.NOT_YET]
    more = [one.more for one in waits if one.more is not None]
    days = [one.ready_on for one in waits if one.ready_on is not None]
    return Comparison(
        sides.challenger.model,
        sides.champion.version,
        sides.challenger.version,
        decision,
        summary(decision, dated),
        volume.cases,
        round(volume.a_day, 3),
        max(more) if more and decision is Decision.NOT_YET else None,
        max(days) if days and decision is Decision.NOT_YET else None,
        dated,
        {name: films for name, films in volume.sources.items() if films},
    )


def _day(volume: Volume, more: int) -> date | None:
    days = ceil(more / volume.a_day) if volume.a_day > 0 else LONGEST_WAIT_DAYS
    return None if days >= LONGEST_WAIT_DAYS else volume.now.date() + timedelta(days=days)


def summary(decision: Decision, lines: Sequence[Criterion]) -> str:
    """One sentence for whoever decides."""
    if decision is Decision.PASS:
        judged = [one for one in lines if one.decision is not None]
        return f"Not worse than the champion beyond the plan's margins in any of {len(judged)} criteria."
    named = [_named(one) for one in lines if one.decision is (Decision.FAIL if decision is Decision.FAIL else Decision.NOT_YET)]
    what = "; ".join(named[:3]) + (f"; and {len(named) - 3} more" if len(named) > 3 else "")  # noqa: PLR2004 - as many as one reads
    if decision is Decision.NOT_YET:
        return f"Not known yet: {what}."
    cells = list(dict.fromkeys(one.cell for one in lines if one.decision is Decision.FAIL and one.cell != ALL))
    return f"Worse than the plan allows: {what}." + (f" Subgroups in which it is worse: {', '.join(cells)}." if cells else "")


def _named(one: Criterion) -> str:
    where = " ".join(part for part in (one.measure.replace("_", " "), one.finding and f"of {one.finding}") if part)
    cell = "" if one.cell == ALL else f" in {one.cell}"
    if one.champion is None or one.challenger is None:
        return f"{where}{cell}" + (f" ({one.reason})" if one.reason else "")
    wait = f", about {one.more} labelled films more" if one.more else ""
    return f"{where}{cell}, {one.champion:.3f} -> {one.challenger:.3f}{wait}"
