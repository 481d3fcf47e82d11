"""Model: is it well? If not, since when, where, how sure; and where to look closer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import numpy as np
from sqlalchemy import Connection

from detectors.measurement import Verdict
from detectors.readings import VERDICTS
from service.console.alarm import PATH as ALARM
from service.console.alarm import what_moved
from service.console.charts.figure import Figure
from service.console.downloads import figure_address
from service.console.evidence import drawn, spoken
from service.console.history import events
from service.console.once import once_a_pass
from service.console.page import Asked, Page, Place, href
from service.console.render import MODEL
from service.console.standing import MARKS, MEANS, WORDS, State, state_of
from service.domain import Alarm, ModelVersion
from service.errors import UnknownModelError
from service.models.manifest import Manifest, parse_manifest
from service.store.acknowledgements import acknowledgements_of
from service.store.alarms import alarms_of
from service.store.measurements import StoredMeasurement, StoredReadings, last_readings, stored_measurement
from service.store.models import champion, versions
from service.store.references import StoredReference, active_reference
from service.store.standing import ModelStanding, standings_of_models
from service.worker.subject import subject_with

YEAR = timedelta(days=365)
SPANS = (30, 90, 365)
WINDOWS = (1, 7, 30, 90)
MEASURES = (
    ("auroc", "AUROC", "How well scores order films with and without the finding; 0.5 is chance"),
    ("sensitivity", "Sensitivity", "Of the films with the finding, the share that is flagged"),
    ("specificity", "Specificity", "Of the films without it, the share that is not flagged"),
    ("positive_predictive_value", "PPV", "Of the flagged films, the share that has the finding"),
    ("calibration_slope", "Calibration slope", "1 where probabilities mean what they say; below, they are too extreme"),
    ("flag_rate", "Flagged", "Share of films above the operating point"),
    ("observed_prevalence", "Prevalence", "Share of the labelled films that have the finding"),
)
MOST_PLACES = 12


@dataclass(frozen=True, slots=True)
class Told:
    """An alarm in a line or two."""

    one: Alarm
    address: str
    carriers: tuple[str, ...]
    seen: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One finding with its measures, in the order of MEASURES; None where one was not measured."""

    finding: str
    threshold: float
    measures: tuple[StoredMeasurement | None, ...]
    completeness: float | None


@dataclass(frozen=True, slots=True)
class Around:
    """How many measurements of a subgroup lie outside their limit, and of how many nothing can be said."""

    cell: str
    breached: int
    insufficient: int
    total: int


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model."""

    standing: ModelStanding
    state: State
    word: str
    mark: str
    means: str
    version: ModelVersion
    manifest: Manifest
    history: tuple[ModelVersion, ...]
    reference: StoredReference | None
    films: int | None
    series: int
    open: tuple[Told, ...]
    over: tuple[Told, ...]
    figures: tuple[Figure, ...]
    rows: tuple[Row, ...]
    around: tuple[Around, ...]
    window: int
    days: int
    windows: tuple[int, ...] = WINDOWS
    spans: tuple[int, ...] = SPANS
    measures: tuple[tuple[str, str, str], ...] = MEASURES

    def downloads(self, figure: Figure) -> tuple[tuple[str, str], ...]:
        """Where a drawing and its numbers can be had as files."""
        where = {"model": self.standing.model, "page": "overview", "figure": figure.name}
        return tuple((form.upper(), f"{figure_address(**where, form=form)}?days={self.days}") for form in ("svg", "csv"))


def model(connection: Connection, asked: Asked) -> ModelView:
    """The version in service; `window` says of how many days the measures are, `days` how far back the evidence is drawn."""
    version = champion(connection, asked.model)
    standing = next(iter(standings_of_models(connection, asked.now - YEAR, asked.model)), None)
    if standing is None:
        raise UnknownModelError
    state, manifest = state_of(standing, asked.now), parse_manifest(version.manifest)
    window, days = asked.whole("window", 30, 1, 3650), days_of(asked)
    stored = active_reference(connection, version.id)
    subject = None if stored is None else subject_with(version, stored)
    readings = [] if stored is None else last_readings(connection, stored.id, window)
    alarms = _told(connection, asked.model, alarms_of(connection, version.id))
    return ModelView(
        standing=standing,
        state=state,
        word=WORDS[state],
        mark=MARKS[state],
        means=MEANS[state],
        version=version,
        manifest=manifest,
        history=tuple(versions(connection, asked.model)),
        reference=stored,
        films=None if subject is None else subject.reference.tallies["all"].n,
        series=0 if subject is None else len(subject.reference.series),
        open=tuple(one for one in alarms if one.one.cleared_at is None),
        over=tuple(one for one in alarms if one.one.cleared_at is not None),
        figures=drawn_evidence(connection, asked).figures,
        rows=tuple(_rows(manifest, readings, standing)),
        around=_around(readings),
        window=window,
        days=days,
    )


@dataclass(frozen=True, slots=True)
class DrawnEvidence:
    """The drawings of a model's page."""

    figures: tuple[Figure, ...]


@once_a_pass
def drawn_evidence(connection: Connection, asked: Asked) -> DrawnEvidence:
    """The evidence of the last `days`; none where nothing was judged yet."""
    version, days = champion(connection, asked.model), days_of(asked)
    stored = active_reference(connection, version.id)
    said = [] if stored is None else spoken(connection, subject_with(version, stored), days)
    return DrawnEvidence(tuple(drawn(said, events(connection, version))) if said else ())


def days_of(asked: Asked) -> int:
    """How far back the evidence is drawn."""
    return asked.whole("days", 90, 7, 3650)


def _told(connection: Connection, name: str, alarms: Sequence[Alarm]) -> list[Told]:
    seen = acknowledgements_of(connection, [one.id for one in alarms])
    return [
        Told(one, address_of(name, one.id), tuple(_carriers(one)), seen[one.id][-1].actor if one.id in seen else None) for one in alarms
    ]


def address_of(name: str, alarm: UUID) -> str:
    """Where an alarm is told."""
    return href(ALARM, model=name, alarm=alarm)


def _carriers(one: Alarm) -> list[str]:
    """The first of what moved, each thing once."""
    return list(dict.fromkeys(what_moved(carrier) for carrier in one.carriers))[:3]


def _rows(manifest: Manifest, readings: Sequence[StoredReadings], standing: ModelStanding) -> list[Row]:
    found: dict[tuple[str, str], StoredMeasurement] = {}
    for one in readings:
        for row in one.readings.where(cell="all", feature=""):
            measured = stored_measurement(one, int(row))
            found.setdefault((measured.finding, measured.name), measured)
    return [
        Row(
            finding.name,
            finding.threshold,
            tuple(found.get((finding.name, name)) for name, _, _ in MEASURES),
            standing.completeness.get(finding.name),
        )
        for finding in manifest.findings
    ]


def _around(readings: Sequence[StoredReadings]) -> tuple[Around, ...]:
    """Subgroups with measurements outside their limit, most of them first."""
    if not readings:
        return ()
    said = readings[0].readings
    breached, silent = (said.verdict == VERDICTS.index(verdict) for verdict in (Verdict.BREACHED, Verdict.INSUFFICIENT))
    # Parts that were joined each bring their own code for the same word.
    cells, place = np.unique(np.array(said.words, dtype=object)[said.cell], return_inverse=True)
    counts = [np.bincount(place, weights=what, minlength=len(cells)).astype(int) for what in (breached, silent, np.ones(len(said)))]
    found = [Around(str(cell), int(b), int(s), int(n)) for cell, b, s, n in zip(cells, *counts, strict=True) if b]
    return tuple(sorted(found, key=lambda one: (-one.breached / one.total, one.cell))[:MOST_PLACES])


MODEL_PAGE = Page("model", "Overview", MODEL, model, Place.MODEL)
