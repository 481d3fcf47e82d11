"""Acts: what a person may do with a remedy on its page, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from service.errors import InvalidRequestError, RemedyStateError
from service.remedies.canary import Part, abort, begin
from service.remedies.decide import Decision, approve, reject
from service.remedies.promote import promote_challenger, take_back
from service.store.canaries import Canary
from service.store.models import champion, version_by_id
from service.store.remedies import Remedy, State

Fields = Mapping[str, str]
Act = Callable[[Connection, Remedy, Decision, Fields], object]


def roll_back(connection: Connection, remedy: Remedy, decision: Decision, _fields: Fields) -> None:
    """Take the promotion of this very remedy back, not that of a later one.

    Raises:
        RemedyStateError: Another version answers by now.
    """
    current = champion(connection, version_by_id(connection, remedy.model_version or 0).model)
    if current.id != remedy.challenger:
        raise RemedyStateError("Another version answers by now than the one that came of this remedy.")
    take_back(connection, current.model, decision.step(State.ROLLED_BACK))


def part_of(fields: Fields) -> Part:
    """What a form gives to a canary: a percentage of patients, and names of sites between commas.

    Raises:
        InvalidRequestError: It is no part.

    >>> str(part_of({"percent": "12.5", "sites": "south, west"}))
    '0.125 of patients and all films of south, west'
    """
    sites = tuple(site for site in (one.strip() for one in fields.get("sites", "").split(",")) if site)
    try:
        share = float(fields.get("percent") or 0) / 100
    except ValueError:
        raise InvalidRequestError("The percentage of patients is a number.") from None
    return Part(share, sites)


ACTS: Mapping[str, Act] = {
    "approve": lambda connection, _remedy, decision, _fields: approve(connection, decision),
    "reject": lambda connection, _remedy, decision, _fields: reject(connection, decision),
    "canary": lambda connection, _remedy, decision, fields: begin(connection, decision, part_of(fields)),
    "abort": lambda connection, _remedy, decision, _fields: abort(connection, decision),
    "promote": lambda connection, _remedy, decision, _fields: promote_challenger(connection, decision),
    "roll-back": roll_back,
}
"""The last part of the address -> how it is done."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An act that may be done now: the last part of its address, what its button says, what comes of it. parts: it asks for a part."""

    act: str
    button: str
    meaning: str
    parts: bool = False


APPROVE = Choice(
    "approve",
    "Approve",
    "It is carried out: a stop at once, a fit or a retraining by the worker. No version answers before it was compared.",
)
REJECT = Choice("reject", "Reject", "Nothing is done; the alarm stays open until its cause is over.")
GIVE_UP = Choice("reject", "Give up", "It ends here, and its challenger, if there is one, no longer predicts beside the champion.")
PROMOTE = Choice("promote", "Promote", "The challenger answers in the champion's place within seconds, if the comparison has passed.")
CANARY = Choice(
    "canary",
    "Answer in part",
    "The challenger answers some of the films under its own version, if the comparison has passed: those of a share of the patients, or of whole "
    "sites. It ends by itself where the comparison comes to say that it is worse. While it answers whole sites, and up to a week after, no new alarm about "
    "the champion's inputs or about a silent site opens.",
    parts=True,
)
ABORT = Choice("abort", "End the part", "The champion answers every film again within seconds; the challenger stays in its shadow.")
ROLL_BACK = Choice("roll-back", "Roll back", "The former version answers again within seconds.")
CHOICES: Mapping[State, tuple[Choice, ...]] = {
    State.PROPOSED: (APPROVE, REJECT),
    State.APPROVED: (GIVE_UP,),
    State.HANDED_OVER: (GIVE_UP,),
    State.CHALLENGED: (PROMOTE, CANARY, GIVE_UP),
    State.PROMOTED: (ROLL_BACK,),
}


def choices_of(remedy: Remedy, canary: Canary | None) -> tuple[Choice, ...]:
    """What may be decided now; first of all the end of a challenger that answers in part."""
    return (*((ABORT,) if canary is not None else ()), *CHOICES.get(State(remedy.state), ()))
