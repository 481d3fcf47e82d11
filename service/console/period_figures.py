"""The drawings of a report: of each finding its curves and its past, of the inputs what moved, and the days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from detectors.measurement import Measurement
from detectors.plan import ALL
from service.api.curves import CurvesReply, drawn
from service.api.subgroups import GapReply, compared
from service.console.charts.figure import Figure
from service.console.charts.ledger import End, ledger
from service.console.charts.over_time import Event, Moment, Wanted, over_time
from service.console.chosen import asked_of
from service.console.history import Watched, events, history
from service.console.inputs import attribute_figure
from service.console.period import NO_FILMS, NO_LABELS, Period
from service.console.subgroups import TITLES, forest_of, is_real
from service.console.truth_figures import drawn_curve, drawn_reliability, of_reference
from service.console.wording import cell as spoken
from service.worker.calendar import DAY

MOVED = 6
"""Attributes that are drawn."""
FINDINGS = 12
"""Findings that are drawn; of further ones the numbers are told."""
PAST = (
    ("sensitivity", "Sensitivity", "share, 0 to 1", None),
    ("specificity", "Specificity", "share, 0 to 1", None),
    ("calibration_slope", "Calibration slope", "slope on logits; 1 is ideal", 1.0),
    ("calibration_intercept", "Calibration intercept", "logits; 0 is ideal", 0.0),
)
PAST_WINDOW = 30
FORESTS = ("sensitivity", "specificity")
NUMBERS: Mapping[str, str] = {
    "observed_prevalence": "Prevalence by labels",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "positive_predictive_value": "Positive predictive value",
    "negative_predictive_value": "Negative predictive value",
    "auroc": "Area under the ROC curve",
    "auprc": "Area under the precision-recall curve",
    "calibration_slope": "Calibration slope (1 is ideal)",
    "calibration_intercept": "Calibration intercept (0 is ideal)",
    "brier_score": "Brier score (less is better)",
    "smooth_calibration_error": "Smooth calibration error (less is better)",
    "expected_cost_per_thousand": "Expected cost of 1,000 films, by the plan",
    "reader_kappa": "Agreement of readers (kappa)",
}


@dataclass(frozen=True, slots=True)
class Gapped:
    """A gap that is told from chance."""

    cell: str
    rate: str
    gap: GapReply


@dataclass(frozen=True, slots=True)
class FindingPart:
    """What is told of one finding. reason: why there are no curves."""

    finding: str
    numbers: tuple[tuple[str, Measurement], ...]
    reason: str
    figures: tuple[Figure, ...]
    gaps: tuple[Gapped, ...]
    hidden: int


def volume_figures(period: Period) -> tuple[Figure, ...]:
    """Films day by day, and where requests ended."""
    unanswered = {outcome: sum(n for (one, _), n in period.unanswered.items() if one == outcome) for outcome in ("refused", "failed")}
    ends = [End("recorded", period.answered), *(End(name, n, "bad") for name, n in unanswered.items())]
    every = range(period.first.toordinal(), max(period.days, default=period.first).toordinal() + 1)
    counted = [(date.fromordinal(one), period.days.get(date.fromordinal(one), 0)) for one in every]
    days = [Moment(day, float(n), n=n) for day, n in counted]
    flow = ledger("ledger", period.answered + sum(unanswered.values()), ends)
    return (over_time(Wanted("films", "Films a day", "films", floor=0.0), days), flow) if period.days else (flow,)


def moved_figures(period: Period) -> tuple[Figure, ...]:
    """The attributes that differ most beyond their limit."""
    if period.films is None:
        return ()
    reference, now = period.films.subject.reference, period.films.tally(ALL)
    moved = [one.feature for one in period.inputs if one.moved][:MOVED]
    return tuple(attribute_figure(reference, reference.tallies[ALL], now, feature) for feature in moved)


def finding_parts(connection: Connection, period: Period) -> tuple[FindingPart, ...]:
    """Every finding of the model."""
    happened = events(connection, period.version)
    return tuple(_part(connection, period, place, happened) for place in range(len(period.manifest.finding_names)))


def _part(connection: Connection, period: Period, place: int, happened: Sequence[Event]) -> FindingPart:
    finding = period.manifest.finding_names[place]
    read = {one.name: one for one in period.of(finding)}
    numbers = tuple((title, read[name]) for name, title in NUMBERS.items() if name in read)
    if period.labelled is None:
        return FindingPart(finding, numbers, NO_FILMS if period.films is None else NO_LABELS, (), (), 0)
    if finding not in period.labelled.subject.reference.schema.findings:
        return FindingPart(finding, numbers, "the reference does not know this finding", (), (), 0)
    asked = asked_of(finding, (period.labelled.until - period.labelled.since) // DAY, period.labelled.until)
    reply = drawn(connection, period.version.model, asked)
    groups = compared(connection, period.version.model, asked)
    gaps = [Gapped(spoken(one.subgroup), TITLES[gap.rate], gap) for one in groups.subgroups for gap in one.rates if is_real(gap)]
    figures = [] if place >= FINDINGS else [*_curves(period, finding, reply), *_past(connection, period, finding, happened)]
    figures += [forest_of(rate, finding, groups.subgroups) for rate in FORESTS if groups.subgroups and place < FINDINGS]
    return FindingPart(
        finding,
        numbers,
        reply.reason,
        tuple(_named(one, place) for one in figures),
        tuple(gaps),
        sum(one.hidden for one in groups.subgroups),
    )


def _curves(period: Period, finding: str, reply: CurvesReply) -> Iterator[Figure]:
    if period.labelled is not None and not reply.reason:
        then = of_reference(period.labelled.subject.reference, finding, ALL)
        yield drawn_curve(reply, "roc", then.get("roc"))
        yield drawn_reliability(reply, then.get("reliability"))


def _past(connection: Connection, period: Period, finding: str, happened: Sequence[Event]) -> Iterator[Figure]:
    if period.reference is None:
        return
    past = history(connection, period.reference.id, Watched(finding, ALL, PAST_WINDOW), period.first, period.last)
    for name, title, unit, ideal in PAST:
        if found := past.of(name):
            yield over_time(Wanted(name.replace("_", "-"), f"{title}, windows of {PAST_WINDOW} days", unit, ideal=ideal), found, happened)


def _named(figure: Figure, place: int) -> Figure:
    """A name of its own in a page of several findings."""
    return replace(figure, name=f"{figure.name}-{place}")
