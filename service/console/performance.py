"""Performance: how often the model is right, at which price, and whether another operating point would cost less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from detectors.label_maturity import COHORTS, maturity_names
from detectors.plan import ALL
from service.api.curves import drawn
from service.api.thresholds import ThresholdsReply, recommended
from service.console.calibration import year_of
from service.console.charts.figure import Figure
from service.console.charts.over_time import Event, Moment, Wanted, over_time
from service.console.chosen import Chosen, chosen
from service.console.history import History, events
from service.console.once import once_a_pass
from service.console.page import Asked, Page, Place
from service.console.truth_figures import Named, drawn_curve, of_reference

NAME = "performance"
CURVES: tuple[Named, ...] = ("roc", "precision_recall", "decision")
RATES = (
    ("sensitivity", "Sensitivity"),
    ("specificity", "Specificity"),
    ("positive_predictive_value", "Positive predictive value"),
    ("negative_predictive_value", "Negative predictive value"),
    ("auroc", "Area under the ROC curve"),
    ("observed_prevalence", "Prevalence by labels"),
)
SHARE = "share, 0 to 1"
COMPLETE = maturity_names(COHORTS[0])[0]


@dataclass(frozen=True, slots=True)
class PerformanceView:
    """The drawings, the last readings behind those over time, and what is recommended. labels: of the window."""

    chosen: Chosen
    reason: str
    since: datetime | None
    until: datetime | None
    labels: int
    figures: tuple[Figure, ...]
    last: tuple[tuple[str, Moment], ...]
    thresholds: ThresholdsReply


@once_a_pass
def performance(connection: Connection, asked: Asked) -> PerformanceView:
    """Curves of the window, rates over the year before its end with the completeness of their labels, and the cheapest threshold."""
    choice = chosen(connection, asked, NAME)
    reply = drawn(connection, choice.version.model, choice.asked)
    cheapest = recommended(connection, choice.version.model, choice.asked)
    if choice.subject is None:
        return PerformanceView(choice, reply.reason, None, None, 0, (), (), cheapest)
    then = {} if reply.reason else of_reference(choice.subject.reference, choice.finding, choice.cell)
    curves = () if reply.reason else tuple(drawn_curve(reply, name, then.get(name)) for name in CURVES)
    past, happened = year_of(connection, choice.subject, choice), events(connection, choice.version)
    moments = [(title, past.of(name)) for name, title in RATES]
    timelines = tuple(
        over_time(Wanted(name.replace("_", "-"), title, SHARE), found, happened)
        for (name, _), (title, found) in zip(RATES, moments, strict=True)
    )
    whole = past if choice.cell == ALL else year_of(connection, choice.subject, replace(choice, cell=ALL))
    complete = completeness(whole, happened)
    last = tuple((title, found[-1]) for title, found in moments if found)
    return PerformanceView(choice, reply.reason, reply.since, reply.until, reply.labels, (*curves, *timelines, *complete), last, cheapest)


def completeness(whole: History, happened: Sequence[Event]) -> tuple[Figure, ...]:
    """How many of the films that were old enough had a label by then: of all films, whichever subgroup is chosen."""
    found = whole.of(COMPLETE)
    wanted = Wanted("completeness", f"Labels of all films within {COHORTS[0]} days", SHARE, floor=0.0, ceiling=1.0)
    return (over_time(wanted, found, happened),) if found else ()


PERFORMANCE_PAGE = Page("performance", "Performance", "/console/models/{model}/performance", performance, Place.MODEL, refresh_s=None)
