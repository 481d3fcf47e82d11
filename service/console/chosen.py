"""Chosen: of which finding, subgroup and stretch of days a page speaks. All of it stands in the address, so a link shows the same to everybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from sqlalchemy import Connection

from detectors.plan import ALL
from service.api.asked import Asked as AskedCell
from service.console.charts.figure import Figure
from service.console.downloads import figure_address
from service.console.page import Asked
from service.domain import ModelVersion
from service.errors import InvalidRequestError, UnknownPlaceError
from service.models.manifest import Manifest, parse_manifest
from service.store.models import champion
from service.worker.calendar import DAY, midnight
from service.worker.subject import Subject, subject_of

WINDOWS = (1, 7, 30, 90)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen, and among what. subject: None while the model has no reference. until: end of this day; None: the last pass."""

    page: str
    version: ModelVersion
    manifest: Manifest
    subject: Subject | None
    finding: str
    cell: str
    window: int
    until: date | None
    windows: tuple[int, ...] = WINDOWS

    @property
    def findings(self) -> tuple[str, ...]:
        """Among which findings."""
        return self.manifest.finding_names

    @property
    def cells(self) -> tuple[str, ...]:
        """Among which subgroups, all films first."""
        return (ALL,) if self.subject is None else self.subject.reference.cells

    @property
    def end(self) -> datetime | None:
        """The moment at which the window ends, where a day is chosen."""
        return None if self.until is None else midnight(self.until + DAY)

    @property
    def asked(self) -> AskedCell:
        """The same, as the endpoints are asked."""
        return asked_of(self.finding, self.window, self.end, self.cell)

    def query(self, **other: object) -> str:
        """The choice as the query of an address, with something else in it."""
        values = {"finding": self.finding, "cell": self.cell, "window": self.window, "until": self.until or "", **other}
        return urlencode({name: value for name, value in values.items() if value != ""})

    def downloads(self, figure: Figure) -> tuple[tuple[str, str], ...]:
        """Where a drawing and its numbers can be had as files."""
        where = {"model": self.version.model, "page": self.page, "figure": figure.name}
        return tuple((form.upper(), f"{figure_address(**where, form=form)}?{self.query()}") for form in ("svg", "csv"))


def asked_of(finding: str, window: int, until: datetime | None, cell: str = ALL) -> AskedCell:
    """What an endpoint is asked for. From outside it takes a moment only as text, so the end is put in as it is."""
    return AskedCell(finding=finding, window=window, subgroup=cell).model_copy(update={"until": until})


def chosen(connection: Connection, asked: Asked, page: str) -> Chosen:
    """Read the choice from an address.

    Raises:
        UnknownModelError: No version of the model is in service.
        UnknownPlaceError: The model has no such finding, or its reference no such subgroup.
        InvalidRequestError: A number or a day is none.
    """
    version = champion(connection, asked.model)
    subject = subject_of(connection, version)
    manifest = parse_manifest(version.manifest) if subject is None else subject.manifest
    finding, cell = asked.text("finding") or manifest.finding_names[0], asked.text("cell") or ALL
    found = Chosen(page, version, manifest, subject, finding, cell, asked.whole("window", 30, 1, 3650), day_of_query(asked, "until"))
    if finding not in found.findings or cell not in found.cells:
        raise UnknownPlaceError
    return found


def day_of_query(asked: Asked, name: str) -> date | None:
    """A day of the query; None where it says nothing.

    Raises:
        InvalidRequestError: It is no day.
    """
    text = asked.text(name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidRequestError(f"In the address, {name} must be a day as in 2026-03-31.") from None
    if not date(1970, 1, 1) <= day <= date(9000, 1, 1):
        raise InvalidRequestError(f"In the address, {name} must be a day of these times.")
    return day
