"""Period: all that is known of a model between two days, for a report to a quality committee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from detectors import OF_LABELS
from detectors.hidden import WHY, hidden_in
from detectors.measurement import Measurement
from detectors.plan import ALL
from detectors.readings import Readings
from service.console.inputs import Line, attribute_lines
from service.domain import Alarm, ModelVersion
from service.models.manifest import Manifest, parse_manifest
from service.review.verdicts import Confirmation, EvidentlyReport
from service.store.acknowledgements import Acknowledgement, acknowledgements_of
from service.store.alarms import alarms_of
from service.store.models import champion, versions
from service.store.promotions import Promotion, promotions_of
from service.store.references import StoredReference, active_reference
from service.store.remedies import Remedy, remedies_of
from service.store.reviews import Kind, Review, reviews_of
from service.store.volumes import answered_between, counted_days, unanswered_between
from service.worker.calendar import DAY, floor_day, midnight
from service.worker.stretch import Stretch, stretch_of

YEAR_DAYS = 365.0
NO_FILMS = "no films of this period were counted"
NO_LABELS = "no film of this period is old enough to have its labels"


@dataclass(frozen=True, slots=True)
class Told:
    """An alarm with what was said of it, and what it asked for. reviews: by which library, when, and what it found."""

    alarm: Alarm
    reviews: tuple[tuple[str, date, str], ...]
    acknowledged: tuple[Acknowledgement, ...]
    remedies: tuple[Remedy, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """The days from the first to the last, both included, of the version that is in service.

    answered: predictions that are kept. unanswered: (refused or failed, reason) -> requests. days: films that were counted, by day.
    films: the sums of the period; None where nothing was counted. labelled: of films old enough to have their labels, with what
    `readings` say of them. alarms: opened in the period, or open in it.
    """

    version: ModelVersion
    manifest: Manifest
    reference: StoredReference | None
    first: date
    last: date
    made_at: datetime
    answered: int
    unanswered: Mapping[tuple[str, str], int]
    days: Mapping[date, int]
    films: Stretch | None
    labelled: Stretch | None
    readings: Readings
    inputs: tuple[Line, ...]
    alarms: tuple[Told, ...]
    versions: tuple[ModelVersion, ...]
    promotions: tuple[Promotion, ...]

    @property
    def length(self) -> int:
        """Days."""
        return (self.last - self.first).days + 1

    @property
    def opened(self) -> tuple[Told, ...]:
        """Alarms that were opened in the period."""
        begin, end = midnight(self.first), midnight(self.last + DAY)
        return tuple(one for one in self.alarms if begin < one.alarm.opened_at <= end)

    @property
    def allowed(self) -> float:
        """False alarms that the declared budget lets one expect in so many days."""
        return self.manifest.monitoring.alarms_per_year * self.length / YEAR_DAYS

    def of(self, finding: str, cell: str = ALL) -> list[Measurement]:
        """What the readings say of a finding in a cell."""
        return [self.readings[int(row)] for row in self.readings.where(finding=finding, cell=cell)]


def period_of(connection: Connection, model: str, first: date, last: date, made_at: datetime) -> Period:
    """Gather it.

    Raises:
        UnknownModelError: No version of the model is in service.
    """
    version = champion(connection, model)
    reference, begin, end = active_reference(connection, version.id), midnight(first), midnight(last + DAY)
    films, labelled = (_stretch(connection, version, begin, end, matured=matured) for matured in (False, True))
    return Period(
        version=version,
        manifest=parse_manifest(version.manifest),
        reference=reference,
        first=first,
        last=last,
        made_at=made_at,
        answered=answered_between(connection, version.id, begin, end),
        unanswered=unanswered_between(connection, model, begin, end),
        days={} if reference is None else counted_days(connection, reference.id, first, last, ALL),
        films=films,
        labelled=labelled,
        readings=_readings(labelled),
        inputs=() if films is None else _inputs(films),
        alarms=_told(connection, version, begin, end),
        versions=tuple(versions(connection, model)),
        promotions=tuple(promotions_of(connection, model)),
    )


def _stretch(connection: Connection, version: ModelVersion, begin: datetime, end: datetime, *, matured: bool) -> Stretch | None:
    """The films of its days that are over and were counted, of all or of those that are old enough; None where there are none."""
    asked = stretch_of(connection, version, 1, [], end, matured=matured)
    if asked is None:
        return None
    until = floor_day(asked.until)
    days = (until - begin) // DAY
    if days < 1:
        return None
    found = stretch_of(connection, version, days, None, until, matured=matured)
    return found if found is not None and found.tally(ALL).n else None


def _inputs(films: Stretch) -> tuple[Line, ...]:
    reference = films.subject.reference
    return tuple(attribute_lines(reference, reference.tallies[ALL], films.tally(ALL), ALL))


def _readings(labelled: Stretch | None) -> Readings:
    """All that rests on labels, of the whole period at once; a handful of patients is hidden."""
    if labelled is None:
        return Readings.of(())
    reference = labelled.subject.reference
    read = Readings.joined(detector(reference, labelled.window) for detector in OF_LABELS)
    return read.hiding(hidden_in(labelled.window, reference.plan.cells), WHY)


def _told(connection: Connection, version: ModelVersion, begin: datetime, end: datetime) -> tuple[Told, ...]:
    found = [
        one for one in alarms_of(connection, version.id) if one.opened_at <= end and (one.cleared_at is None or one.cleared_at > begin)
    ]
    said, asked = acknowledgements_of(connection, [one.id for one in found]), remedies_of(connection, version.id)
    return tuple(
        Told(one, _reviews(reviews_of(connection, one.id)), said.get(one.id, ()), _of_alarm(asked, one)) for one in reversed(found)
    )


def _reviews(attached: Mapping[Kind, Review]) -> tuple[tuple[str, date, str], ...]:
    found = []
    if Kind.CONFIRMATION in attached:
        said = attached[Kind.CONFIRMATION]
        found.append(("alibi-detect", said.made_at.date(), Confirmation.restore(said.payload).summary))
    if Kind.REPORT in attached:
        page = attached[Kind.REPORT]
        found.append(("Evidently", page.made_at.date(), EvidentlyReport.restore(page.payload).summary))
    return tuple(found)


def _of_alarm(asked: Sequence[Remedy], alarm: Alarm) -> tuple[Remedy, ...]:
    return tuple(one for one in asked if one.alarm == alarm.id)
