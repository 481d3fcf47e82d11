"""Worklist: films whose reading says most are drawn, read one after the other, and what a reader says of them is kept with their probabilities.

The address holds the seed, so that a list is the same after a reload, and for whoever goes on with it. Drawing and weighing are those of
service/worker/worklist.py.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from service.access import Act, Deed, Role
from service.api.state import service_of
from service.api.worklist import MOST_DAYS, MOST_READS, PATIENCE_S, SEEDS
from service.console.forms import read_form
from service.console.page import Asked, Page, Place, href
from service.console.reading import READ_ON, Reading, reading
from service.console.render import headers_for
from service.console.visitor import Visitor
from service.errors import UnknownPlaceError, UnwatchedModelError
from service.models.manifest import parse_manifest
from service.store.models import champion
from service.store.worklist import Drawn, drawn_of
from service.worker.subject import Subject, subject_of
from service.worker.worklist import Worklist, outlook, worklist

PATH = "/console/models/{model}/worklist"
DRAW = f"{PATH}/draw"
READS, DAYS = 50, 30
LISTS = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many films, from how many last days, for which finding; None: all."""

    reads: int
    days: int
    finding: str | None


@dataclass(frozen=True, slots=True)
class Former:
    """A list that was drawn, and where one goes on with it."""

    one: Drawn
    address: str


@dataclass(frozen=True, slots=True)
class WorklistView:
    """Either a list that is read, or what a new one would buy. watched: the model has a reference, without which nothing can be drawn.

    seed: of the list that would be drawn: a form that is sent twice draws once.
    """

    model: str
    address: str
    watched: bool
    findings: tuple[str, ...]
    wanted: Wanted
    seed: int
    outlook: Worklist | None
    former: tuple[Former, ...]
    reading: Reading | None


def page(connection: Connection, asked: Asked) -> WorklistView:
    """With `seed` its list is read; without, the page says what the next reads would buy."""
    version = champion(connection, asked.model)
    subject, address, manifest = subject_of(connection, version), href(PATH, model=asked.model), parse_manifest(version.manifest)
    seed = asked.whole("seed", 0, 0, SEEDS) if asked.query.get("seed") else None
    wanted = wanted_of(asked, manifest.finding_names)
    ahead = None
    if subject is not None and seed is None:
        ahead = outlook(connection, subject, asked.now, days=wanted.days, reads=wanted.reads, finding=wanted.finding)
    return WorklistView(
        model=asked.model,
        address=address,
        watched=subject is not None,
        findings=manifest.finding_names,
        wanted=wanted,
        seed=secrets.randbelow(SEEDS),
        outlook=ahead,
        former=tuple(Former(one, f"{address}?seed={one.seed}") for one in drawn_of(connection, version.id, LISTS)),
        reading=None if seed is None else reading(connection, asked, version, seed),
    )


def wanted_of(asked: Asked, findings: tuple[str, ...]) -> Wanted:
    """What an address or a form asks for.

    Raises:
        InvalidRequestError: A number is none.
        UnknownPlaceError: The model has no such finding.
    """
    finding = asked.text("finding") or None
    if finding is not None and finding not in findings:
        raise UnknownPlaceError
    return Wanted(asked.whole("n", READS, 1, MOST_READS), asked.whole("days", DAYS, 1, MOST_DAYS), finding)


async def draw(request: Request, visitor: Visitor) -> Response:
    """Draw a list under the seed of the form, and go where it is read."""
    visitor.need(Role.LABEL)
    fields, now, service, model = (
        await read_form(request, visitor),
        datetime.now(UTC),
        await service_of(request),
        request.path_params["model"],
    )
    asked = Asked(service, visitor, now, request.path_params, fields)
    seed = asked.whole("seed", secrets.randbelow(SEEDS), 0, SEEDS)

    def work(connection: Connection) -> Worklist:
        subject = _watched(connection, model)
        wanted = wanted_of(asked, subject.manifest.finding_names)
        return worklist(connection, subject, now, days=wanted.days, reads=wanted.reads, finding=wanted.finding, seed=seed)

    found = await service.database.run(work, patience=PATIENCE_S)
    service.audit.note(Act(now, visitor.caller.name, Deed.WORKLIST_DRAWN, model, {"films": len(found.films)}))
    query = urlencode({"seed": seed, **({"blind": 1} if fields.get("blind") else {})})
    return RedirectResponse(f"{href(PATH, model=model)}?{query}#{READ_ON}", 303, headers=headers_for(request))


def _watched(connection: Connection, model: str) -> Subject:
    subject = subject_of(connection, champion(connection, model))
    if subject is None:
        raise UnwatchedModelError
    return subject


WORKLIST_PAGE = Page("worklist", "Worklist", PATH, page, Place.MODEL, role=Role.LABEL, refresh_s=None)
