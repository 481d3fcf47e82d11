"""Report: which days, and the months that there are; the report itself is a sheet of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, timedelta

from sqlalchemy import Connection

from service.console.page import Asked, Page, Place, href
from service.console.sheet import PATH
from service.domain import ModelVersion
from service.store.models import champion, versions

NAME = "report"
MOST_MONTHS = 24


@dataclass(frozen=True, slots=True)
class Month:
    """A month, or what is over of it, and where its report is."""

    name: str
    first: date
    last: date
    page: str
    table: str


@dataclass(frozen=True, slots=True)
class ReportView:
    """The months since the model came, latest first; the last thirty days are proposed."""

    version: ModelVersion
    first: date
    last: date
    action: str
    months: tuple[Month, ...]


def report(connection: Connection, asked: Asked) -> ReportView:
    """What can be reported on."""
    version = champion(connection, asked.model)
    today = asked.now.astimezone(UTC).date()
    begun = min(one.registered_at for one in versions(connection, version.model)).astimezone(UTC).date()
    return ReportView(
        version,
        today - timedelta(days=30),
        today - timedelta(days=1),
        href(PATH, model=version.model, form="html"),
        tuple(_month(version.model, first, min(last, today)) for first, last in _months(begun, today)),
    )


def _months(begun: date, today: date) -> list[tuple[date, date]]:
    """First and last day of each month from the one in which the model came, or two years; the latest first."""
    found: list[tuple[date, date]] = []
    first = today.replace(day=1)
    while len(found) < MOST_MONTHS and first >= begun.replace(day=1) - timedelta(days=MOST_BEFORE):
        found.append((first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)))
        first = (first - timedelta(days=1)).replace(day=1)
    return found


def _month(model: str, first: date, last: date) -> Month:
    query = f"?from={first}&to={last}"
    page, table = (href(PATH, model=model, form=form) + query for form in ("html", "csv"))
    return Month(f"{first:%B %Y}", first, last, page, table)


MOST_BEFORE = 366
"""Films of former days can be replayed to a model, so months before its registration are listed too."""

REPORT_PAGE = Page("report", "Report", "/console/models/{model}/report", report, Place.MODEL, refresh_s=None)
