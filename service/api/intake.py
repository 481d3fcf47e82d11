"""Intake: the headers and the body of a request to predict, read with their limits counted."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, get_type_hints

from fastapi import Header, Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers

from service.access import Caller, Role
from service.api.multipart import Part, PartsReader
from service.config import Settings
from service.domain import Submission
from service.errors import ForbiddenError, InvalidRequestError, ReplayError, UnsupportedSyntaxError
from service.gateway.admit import Seat
from service.gateway.claim import digest
from service.gateway.job import Priority

FORM = "multipart/form-data"
INSTANCE_TYPES = frozenset({"application/dicom", "application/octet-stream"})
TYPES = INSTANCE_TYPES | {FORM}
SITE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
LONGEST_KEY = 255
RESPOND_ASYNC = "respond-async"
YEARS = range(2000, 2200)
CLOCK = "Stepwedge-Received-At is an RFC 3339 time with an offset, such as 2026-03-02T09:10:00Z."
EXPECTED = "Send application/dicom, application/octet-stream or multipart/form-data, without Content-Encoding."

# What a header must be is judged in the endpoint, where a refusal is counted; the document says it all the same.
Site = Annotated[
    str | None,
    Header(
        alias="Stepwedge-Site",
        description="Site that asks; default is the service's own.",
        examples=["north"],
        json_schema_extra={"pattern": f"^{SITE.pattern}$"},
    ),
]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Same key, same film: the first answer again. Without it the instance UID is the key.",
        examples=["order-7"],
        json_schema_extra={"minLength": 1, "maxLength": LONGEST_KEY},
    ),
]
Clock = Annotated[
    str | None,
    Header(
        alias="Stepwedge-Received-At",
        description="Received time of a replay, RFC 3339; 403 where replay is not switched on, or without the role replay.",
        examples=["2026-03-02T09:10:00Z"],
        json_schema_extra={"format": "date-time"},
    ),
]

Preference = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description="`respond-async`: take the instances in durably, answer 202 at once, predict afterwards (RFC 7240).",
        examples=[RESPOND_ASYNC],
    ),
]
Urgency = Annotated[
    str | None,
    Header(
        alias="Stepwedge-Priority",
        description="`stat` goes before `routine`, and has places of its own where many wait. Without it, what the instance says of its order.",
        examples=["stat"],
        json_schema_extra={"enum": [*Priority]},
    ),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the headers of a request to predict say, as they came."""

    site: str | None
    key: str | None
    clock: str | None
    prefer: str | None = None
    urgency: str | None = None


async def asked(site: Site = None, key: Key = None, clock: Clock = None, prefer: Preference = None, urgency: Urgency = None) -> Asked:
    """The headers as FastAPI documents them; they are judged in `submission_of`, where a refusal is counted."""
    return Asked(site, key, clock, prefer, urgency)


ALIASES: Mapping[str, str] = {
    name: hint.__metadata__[0].alias for name, hint in get_type_hints(asked, include_extras=True).items() if name != "return"
}
"""Parameter of `asked`, which is also a field of Asked -> its header."""


_WRITTEN = {name: alias.lower().encode() for name, alias in ALIASES.items()}
_NAMES = frozenset(_WRITTEN.values())
_NOTHING = Asked(None, None, None)


def said_in(headers: Headers) -> Asked:
    """The same, read without FastAPI; of a header that comes twice the first counts."""
    found = dict(reversed(headers.raw))
    if _NAMES.isdisjoint(found):
        return _NOTHING
    return Asked(**{name: found[written].decode("latin-1") if written in found else None for name, written in _WRITTEN.items()})


def stated(request: Request, name: bytes) -> str | None:
    """What the first header of this name says, which is written small; read as it came, since of each request there are several to read."""
    for header, value in request.headers.raw:
        if header == name:
            return value.decode("latin-1")
    return None


def submission_of(asked: Asked, model: str, settings: Settings, caller: Caller, now: datetime, *, secret: bytes) -> Submission:
    """A request to predict, but for its body. Its Idempotency-Key may be an order's number: from here on only its pseudonym is known.

    Raises:
        InvalidRequestError: A header is not valid.
        ReplayError, ForbiddenError: The request brings a clock of its own, and this service, or this caller, is not meant for replay.
    """
    if asked.key is not None and not 0 < len(asked.key) <= LONGEST_KEY:
        raise InvalidRequestError(f"Idempotency-Key has 1 to {LONGEST_KEY} characters.")
    site = settings.site if asked.site is None else asked.site
    if not SITE.fullmatch(site):
        raise InvalidRequestError("Stepwedge-Site is a short name of a-z, 0-9, '_' and '-'.")
    moment = received_at(asked.clock, settings, caller, now)
    key = None if asked.key is None else digest(secret, "idempotency", asked.key).hex()
    urgent = priority_of(asked.urgency) is Priority.STAT
    return Submission(model=model, site=site, caller=caller.name, received_at=moment, body=b"", idempotency_key=key, urgent=urgent)


def names_stat(asked: Asked) -> bool:
    """Whether the header asks for a place among the first; known before anything of the body is."""
    return (asked.urgency or "").strip().lower() == Priority.STAT


def priority_of(stated: str | None) -> Priority | None:
    """The stated priority; None where nothing is stated.

    Raises:
        InvalidRequestError: It is none.
    """
    if stated is None:
        return None
    with suppress(ValueError):
        return Priority(stated.strip().lower())
    raise InvalidRequestError("Stepwedge-Priority is stat or routine.")


def bringing(submission: Submission, body: bytes) -> Submission:
    """The same with its body, which comes after what is said of it."""
    asks = submission
    return Submission(asks.model, asks.site, asks.caller, asks.received_at, body, asks.idempotency_key, asks.urgent)


def received_at(stated: str | None, settings: Settings, caller: Caller, now: datetime) -> datetime:
    """The one clock of the statistics: ours, or in a replay the one that the request brings.

    Raises:
        InvalidRequestError: The header is not an RFC 3339 time with an offset.
        ReplayError: Replay is not switched on.
        ForbiddenError: The caller may not.
    """
    if stated is None:
        return now
    if not settings.replay_clock:
        raise ReplayError
    if Role.REPLAY not in caller.roles:
        raise ForbiddenError("A received time of one's own needs the role replay, which the caller does not have.")
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError:
        raise InvalidRequestError(CLOCK) from None
    if moment.tzinfo is None or moment.year not in YEARS:
        raise InvalidRequestError(CLOCK)
    return moment.astimezone(UTC)


async def read_instances(request: Request, seat: Seat) -> list[Part]:
    """The instances of a request: its body, or each part of its form.

    Raises:
        UnsupportedSyntaxError: Another media type, or an encoded body.
        TooLargeError, BusyError, StalledError: See `Seat`.
        InvalidRequestError: A form that is not well formed.
    """
    media_type, options = parse_options_header(stated(request, b"content-type"))
    kind = media_type.decode("latin-1")
    if kind not in TYPES or stated(request, b"content-encoding") not in {None, "identity"}:
        raise UnsupportedSyntaxError(EXPECTED)
    seat.declare(declared_length(request))
    arriving = aiter(request.stream())
    if kind == FORM:
        return await _form(seat, arriving, options.get(b"boundary", b""))
    return [Part(kind, await seat.read_whole(arriving))]


def declared_length(request: Request) -> int:
    """What the request says of its length; 0 where it says nothing, since the bytes are counted anyway."""
    length = stated(request, b"content-length")
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit()):
        raise InvalidRequestError("Content-Length is a number.")
    return int(length)


async def _form(seat: Seat, chunks: AsyncIterator[bytes], boundary: bytes) -> list[Part]:
    if not boundary:
        raise InvalidRequestError("The media type of a form names its boundary.")
    reader = PartsReader(boundary)
    async for chunk in seat.read(chunks):
        reader.feed(chunk)
        await seat.wait()
    seat.arrived()
    return reader.parts()


def instance_of(part: Part) -> bytes:
    """The bytes of one instance. A part that names no media type is taken for what it says itself to be.

    Raises:
        UnsupportedSyntaxError: The part says that it is something else.
    """
    if part.media_type and part.media_type not in INSTANCE_TYPES:
        raise UnsupportedSyntaxError(EXPECTED)
    return part.body
