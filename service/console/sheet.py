"""Sheet: the report of a period as one file that needs nothing else, for a committee, a mail, or paper."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.metadata import version

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from service.access import Role
from service.api.state import service_of
from service.console.assets import FOLDER
from service.console.charts.figure import stylesheet
from service.console.chosen import day_of_query
from service.console.page import Asked
from service.console.period import NO_FILMS, Period, period_of
from service.console.period_csv import table_of
from service.console.period_figures import finding_parts, moved_figures, volume_figures
from service.console.render import environment, headers_for
from service.console.visitor import Visitor
from service.errors import InvalidRequestError

PATH = "/console/models/{model}/report/sheet.{form}"
LONGEST_DAYS = 3650
PATIENCE_S = 60.0
"""A model with many findings and subgroups has a long report."""


@dataclass(frozen=True, slots=True)
class Days:
    """From the first to the last day, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if not 0 <= (self.last - self.first).days < LONGEST_DAYS:
            raise InvalidRequestError(f"A period ends on the day it begins, or later, and has {LONGEST_DAYS:,} days at most.")


def sheet_html(connection: Connection, model: str, days: Days, made_at: datetime) -> str:
    """The report as a page.

    Raises:
        UnknownModelError: No version of the model is in service.
    """
    period = period_of(connection, model, days.first, days.last, made_at)
    template = environment().get_template("sheet.html")
    return template.render(
        p=period,
        style=Markup(f"<style>{style()}</style>"),  # noqa: S704 - our own files, and inside `style` nothing is decoded
        stepwedge=version("stepwedge"),
        unanswered=sum(period.unanswered.values()),
        no_films=NO_FILMS,
        volume=volume_figures(period),
        inputs=moved_figures(period),
        parts=finding_parts(connection, period),
        names=_names(period),
    )


def sheet_csv(connection: Connection, model: str, days: Days, made_at: datetime) -> str:
    """The report as a table."""
    return table_of(period_of(connection, model, days.first, days.last, made_at)).csv()


@cache
def style() -> str:
    """The styles of the page; they stand inside it."""
    return (FOLDER / "sheet.css").read_text(encoding="utf-8") + stylesheet()


async def send(request: Request, visitor: Visitor) -> Response:
    """The report of the days in the address."""
    service = await service_of(request)
    visitor.need(Role.READ)
    model, form = request.path_params["model"], request.path_params["form"]
    if form not in {"html", "csv"}:
        raise HTTPException(404)
    now = datetime.now(UTC)
    days = days_of(Asked(service, visitor, now, request.path_params, dict(request.query_params)))
    make = sheet_html if form == "html" else sheet_csv
    text = await service.pages.run(lambda connection: make(connection, model, days, now), patience=PATIENCE_S)
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    headers = {**headers_for(request), "Content-Security-Policy": policy}
    if form == "html":
        return HTMLResponse(text, headers=headers)
    name = "".join(one if one.isascii() and (one.isalnum() or one in "-_.") else "_" for one in model)
    saved = {"Content-Disposition": f'attachment; filename="{name}-{days.first}-{days.last}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers={**headers, **saved})


def days_of(asked: Asked) -> Days:
    """The days of an address.

    Raises:
        InvalidRequestError: One of them is missing or no day, or they are no period.
    """
    first, last = day_of_query(asked, "from"), day_of_query(asked, "to")
    if first is None or last is None:
        raise InvalidRequestError("In the address, from and to must be days as in 2026-03-31.")
    return Days(first, last)


def _names(period: Period) -> dict[int, str]:
    return {one.id: one.version for one in period.versions}
