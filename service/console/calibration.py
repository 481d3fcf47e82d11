"""Calibration: whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from detectors.masses import masses_of
from service.api.curves import CurvesReply, drawn
from service.console.charts.figure import Figure
from service.console.charts.over_time import Moment, Wanted, over_time
from service.console.charts.scores_by_truth import scores_by_truth
from service.console.chosen import Chosen, chosen
from service.console.history import YEAR, History, Watched, events, history
from service.console.once import once_a_pass
from service.console.page import Asked, Page, Place
from service.console.truth_figures import drawn_reliability, of_reference
from service.domain import ModelVersion
from service.store.measurements import last_reading
from service.worker.calendar import DAY
from service.worker.stretch import stretch_of
from service.worker.subject import Subject

NAME = "calibration"
NUMBERS = (
    ("calibration_slope", "Slope", "slope on logits; 1 is ideal", 1.0),
    ("calibration_intercept", "Intercept", "logits; 0 is ideal", 0.0),
    ("brier_score", "Brier score", "mean squared error; less is better", None),
)
"""Measurements, their titles and axes, and what is ideal."""
LONG_WINDOW = 30
"""Days of the windows that are shown over time: shorter ones hold too few labels."""


@dataclass(frozen=True, slots=True)
class CalibrationView:
    """The drawings, the last readings behind those over time, and which films they are of."""

    chosen: Chosen
    reason: str
    since: datetime | None
    until: datetime | None
    figures: tuple[Figure, ...]
    last: tuple[tuple[str, Moment], ...] = ()


@once_a_pass
def calibration(connection: Connection, asked: Asked) -> CalibrationView:
    """Reliability and scores of the window; slope, intercept and Brier score over the year before its end."""
    choice = chosen(connection, asked, NAME)
    reply = drawn(connection, choice.version.model, choice.asked)
    if choice.subject is None:
        return CalibrationView(choice, reply.reason, None, None, ())
    past = year_of(connection, choice.subject, choice)
    drawings = () if reply.reason else tuple(_of_window(connection, choice, choice.subject, reply))
    moments = [(title, past.of(name)) for name, title, _, _ in NUMBERS]
    happened = events(connection, choice.version)
    timelines = tuple(
        over_time(Wanted(name.replace("_", "-"), f"{title} over time", unit, ideal=ideal), found, happened)
        for (name, title, unit, ideal), (_, found) in zip(NUMBERS, moments, strict=True)
    )
    last = tuple((title, found[-1]) for title, found in moments if found)
    return CalibrationView(choice, reply.reason, reply.since, reply.until, (*drawings, *timelines), last)


def year_of(connection: Connection, subject: Subject, choice: Chosen) -> History:
    """What was read in the year that ends with the chosen day, or with the last reading; windows of seven days or more."""
    days = LONG_WINDOW if choice.window not in choice.windows[1:] else choice.window
    end = choice.until or date.max
    known = last_reading(connection, subject.reference_id, days, end) or subject.first_day
    return history(
        connection,
        subject.reference_id,
        Watched(choice.finding, choice.cell, days),
        max(known - (YEAR - 1) * DAY, subject.first_day),
        known,
    )


def _of_window(connection: Connection, choice: Chosen, subject: Subject, reply: CurvesReply) -> Iterator[Figure]:
    reference = subject.reference
    yield drawn_reliability(reply, of_reference(reference, choice.finding, choice.cell).get("reliability"))
    yield from score_figure(connection, choice.version, choice, reply)


def score_figure(connection: Connection, version: ModelVersion, choice: Chosen, reply: CurvesReply) -> Iterator[Figure]:
    """Scores of the films that the reply speaks of, by truth."""
    stretch = stretch_of(connection, version, choice.window, [choice.cell], reply.until)
    if stretch is not None:
        masses = masses_of(stretch.subject.reference.schema, stretch.window, (choice.finding,), (choice.cell,))
        yield scores_by_truth("scores", f"Scores of {choice.finding} by truth", masses.negatives[0], masses.positives[0], reply.threshold)


CALIBRATION_PAGE = Page("calibration", "Calibration", "/console/models/{model}/calibration", calibration, Place.MODEL, refresh_s=None)
