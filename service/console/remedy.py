"""Remedy: what an alarm asks for, how far it came, how its challenger does beside the champion, and what may be decided now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from service.console.render import headers_for
from service.console.visitor import Visitor
from service.errors import InvalidRequestError, RemedyStateError, UnknownRemedyError
from service.remedies.comparison import Comparison
from service.remedies.decide import Decision, approve, reject
from service.remedies.promote import promote_challenger, take_back
from service.store.comparisons import latest_comparison
from service.store.models import champion, version_by_id
from service.store.remedies import OPEN, Remedy, State, find_remedy
from service.store.remedy_steps import Step, steps_of

PATH = "/console/remedies/{remedy}"
DECIDE = f"{PATH}/{{act}}"

Act = Callable[[Connection, Remedy, Decision], object]


def roll_back(connection: Connection, remedy: Remedy, decision: Decision) -> None:
    """Take the promotion of this very remedy back, not that of a later one.

    Raises:
        RemedyStateError: Another version answers by now.
    """
    current = champion(connection, version_by_id(connection, remedy.model_version or 0).model)
    if current.id != remedy.challenger:
        raise RemedyStateError("Another version answers by now than the one that came of this remedy.")
    take_back(connection, current.model, decision.step(State.ROLLED_BACK))


ACTS: Mapping[str, Act] = {
    "approve": lambda connection, _remedy, decision: approve(connection, decision),
    "reject": lambda connection, _remedy, decision: reject(connection, decision),
    "promote": lambda connection, _remedy, decision: promote_challenger(connection, decision),
    "roll-back": roll_back,
}
"""What a person may do with a remedy: the last part of the address -> how it is done."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An act that may be done now: the last part of its address, what its button says, what comes of it."""

    act: str
    button: str
    meaning: str


APPROVE = Choice(
    "approve",
    "Approve",
    "It is carried out: a stop at once, a fit or a retraining by the worker. No version answers before it was compared.",
)
REJECT = Choice("reject", "Reject", "Nothing is done; the alarm stays open until its cause is over.")
GIVE_UP = Choice("reject", "Give up", "It ends here, and its challenger, if there is one, no longer predicts beside the champion.")
PROMOTE = Choice("promote", "Promote", "The challenger answers in the champion's place within seconds, if the comparison has passed.")
ROLL_BACK = Choice("roll-back", "Roll back", "The former version answers again within seconds.")
CHOICES: Mapping[State, tuple[Choice, ...]] = {
    State.PROPOSED: (APPROVE, REJECT),
    State.APPROVED: (GIVE_UP,),
    State.HANDED_OVER: (GIVE_UP,),
    State.CHALLENGED: (PROMOTE, GIVE_UP),
    State.PROMOTED: (ROLL_BACK,),
}


@dataclass(frozen=True, slots=True)
class RemedyView:
    """A remedy with all that belongs to it.

    challenger: the version that came of it. comparison: None where there is no challenger, or nothing was compared yet.
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
    choices: tuple[Choice, ...]
    approvers: tuple[str, ...]
    waits: bool


def remedy(connection: Connection, asked: Asked) -> RemedyView:
    """One remedy of any model."""
    found = remedy_of(connection, asked.path["remedy"])
    whose = version_by_id(connection, found.model_version or 0)
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
        choices=CHOICES.get(State(found.state), ()),
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
        act(connection, found, Decision(found.id, now, visitor.caller.name, reason))
        return found.id

    return RedirectResponse(f"{href(PATH, remedy=await service.database.run(work))}#steps", 303, headers=headers_for(request))


REMEDY_PAGE = Page("remedy", "Remedy", PATH, remedy, Place.BELOW)
