"""Remedy: what an alarm asks for, how far it came, how its challenger does beside the champion, and what may be decided now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from service.access import Role
from service.api.state import service_of
from service.console.forms import read_form, reason_of
from service.console.page import Asked, Page, Place, href
from service.console.remedy_acts import ACTS, Choice, choices_of
from service.console.render import headers_for
from service.console.visitor import Visitor
from service.errors import InvalidRequestError, UnknownRemedyError
from service.remedies.comparison import Comparison
from service.remedies.decide import Decision
from service.store.canaries import Canary, count_answered, standing_canary
from service.store.comparisons import latest_comparison
from service.store.models import version_by_id
from service.store.remedies import OPEN, Remedy, find_remedy
from service.store.remedy_steps import Step, steps_of

PATH = "/console/remedies/{remedy}"
DECIDE = f"{PATH}/{{act}}"


@dataclass(frozen=True, slots=True)
class RemedyView:
    """A remedy with all that belongs to it.

    challenger: the version that came of it. comparison: None where there is no challenger, or nothing was compared yet.
    canary: what of the films the challenger answers now, and answered: how many it has.
    approvers: callers whom the plan lets decide; empty: whoever has the role.
    """

    remedy: Remedy
    model: str
    version: str
    challenger: str | None
    address: str
    steps: tuple[Step, ...]
    comparison: Comparison | None
    compared_at: datetime | None
    canary: Canary | None
    answered: int
    choices: tuple[Choice, ...]
    approvers: tuple[str, ...]
    waits: bool


def remedy(connection: Connection, asked: Asked) -> RemedyView:
    """One remedy of any model."""
    found = remedy_of(connection, asked.path["remedy"])
    whose = version_by_id(connection, found.model_version or 0)
    canary = standing_canary(connection, whose.model)
    canary = canary if canary is not None and canary.remedy == found.id else None
    stored = None if found.challenger is None else latest_comparison(connection, found.challenger)
    return RemedyView(
        remedy=found,
        model=whose.model,
        version=whose.version,
        challenger=None if found.challenger is None else version_by_id(connection, found.challenger).version,
        address=href(PATH, remedy=found.id),
        steps=tuple(steps_of(connection, found.id)),
        comparison=None if stored is None else Comparison.from_json(stored.payload),
        compared_at=None if stored is None else stored.made_at,
        canary=canary,
        answered=0 if canary is None else count_answered(connection, canary),
        choices=choices_of(found, canary),
        approvers=tuple((found.plan or {}).get("approvers", ())),
        waits=found.state in OPEN,
    )


def remedy_of(connection: Connection, text: str) -> Remedy:
    """The remedy whose id an address holds.

    Raises:
        UnknownRemedyError: It holds none, or one that nobody knows.
    """
    try:
        identifier = UUID(text)
    except ValueError:
        raise UnknownRemedyError from None
    found = find_remedy(connection, identifier)
    if found is None:
        raise UnknownRemedyError
    return found


async def decide(request: Request, visitor: Visitor) -> Response:
    """Do what the form asks for, for the reason that it gives, and show the remedy again."""
    visitor.need(Role.OPERATE)
    act = ACTS.get(request.path_params["act"])
    if act is None:
        raise InvalidRequestError(f"What may be done with a remedy: {', '.join(ACTS)}.")
    fields, now, service = await read_form(request, visitor), datetime.now(UTC), await service_of(request)
    reason = reason_of(fields)

    def work(connection: Connection) -> UUID:
        found = remedy_of(connection, request.path_params["remedy"])
        act(connection, found, Decision(found.id, now, visitor.caller.name, reason), fields)
        return found.id

    return RedirectResponse(f"{href(PATH, remedy=await service.database.run(work))}#steps", 303, headers=headers_for(request))


REMEDY_PAGE = Page("remedy", "Remedy", PATH, remedy, Place.BELOW)
