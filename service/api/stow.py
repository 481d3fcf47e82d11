"""Stow: what becomes of the instances of one STOW-RS request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request
from python_multipart.multipart import parse_options_header

from service.access import Caller
from service.api.accounting import Account
from service.api.dock import Arrived, Dock
from service.api.forward import DICOM, EXPECTED, RELATED, Forwarded, Wanted, chosen_type, forwarded
from service.api.intake import declared_length
from service.api.later import DISK, discard, take_in
from service.api.related import PartBegins, PartEnds, RelatedReader
from service.api.state import Service
from service.api.stored import Fate
from service.errors import InboxFullError, StepwedgeError, UnavailableError, UnsupportedSyntaxError
from service.gateway.admit import Seat
from service.gateway.draft import Draft
from service.gateway.job import Job, new_id
from service.gateway.ledger import NOBODY, UNKNOWN
from service.gateway.look import Look
from service.gateway.queue import Waiting


@dataclass(frozen=True, slots=True)
class Stored:
    """What the sender is told: the fate of each instance, where to follow what is answered later (empty where nothing is), and in which format."""

    fates: Sequence[Fate]
    follow: str
    media_type: str


async def receive(request: Request, service: Service, caller: Caller, wanted: Wanted, study: str | None = None) -> Stored:
    """Store what a request brings. One that brings nothing that could be stored is an entry in the ledger too.

    Raises:
        InvalidRequestError, NotAcceptableError, UnsupportedSyntaxError, UnknownModelError: The request is not what it should be.
        TooLargeError, BusyError, StalledError: See `Seat`.
        InboxFullError: There is no room for any of it.
        UnavailableError: The disk does not take it, or no model is in service.
    """
    at = datetime.now(UTC)
    try:
        media_type = chosen_type(request.headers.get("accept"))
        asks = forwarded(service, caller, wanted, study, at)
        with service.admission.seat(service.settings.max_study_bytes) as seat:
            dock = Dock(service, seat, asks)
            try:
                await unload(request, seat, dock)
                check_room(dock.arrived)
            except BaseException as error:
                await asyncio.to_thread(dock.clear)
                if isinstance(error, OSError):
                    raise UnavailableError(DISK) from error
                raise
            fates, follow = await settle(service, asks, dock.arrived)
            return Stored(fates, follow, media_type)
    except BaseException as error:
        Account.open(service, UNKNOWN, at, caller.name).unanswered(error)
        raise


async def unload(request: Request, seat: Seat, dock: Dock) -> None:
    """Read the body, part by part."""
    stated, options = parse_options_header(request.headers.get("content-type"))
    kind, of = stated.decode("latin-1"), options.get(b"type", DICOM.encode()).decode("latin-1").lower()
    if kind not in {DICOM, RELATED} or of != DICOM or request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedSyntaxError(EXPECTED)
    seat.declare(declared_length(request))
    chunks = seat.read(aiter(request.stream()))
    if kind == DICOM:
        dock.begin({})
        async for chunk in chunks:
            await dock.add(chunk)
        await dock.end()
        return
    reader = RelatedReader(options.get(b"boundary", b""))
    async for chunk in chunks:
        for event in reader.feed(chunk):
            if isinstance(event, PartBegins):
                dock.begin(event.headers)
            elif isinstance(event, PartEnds):
                await dock.end()
            else:
                await dock.add(event)
    reader.finish()


def check_room(arrived: Sequence[Arrived]) -> None:
    """Pass, unless nothing at all found room: then the sender had better come again later.

    Raises:
        InboxFullError, UnavailableError: Nothing did.
    """
    errors = [one.error for one in arrived]
    if errors and all(isinstance(error, InboxFullError | UnavailableError) for error in errors):
        raise errors[0] or UnavailableError


async def settle(service: Service, asks: Forwarded, arrived: Sequence[Arrived]) -> tuple[list[Fate], str]:
    """Take in what a model takes, and book the rest."""
    taken = [(number, one, one.look) for number, one in enumerate(arrived, 1) if one.look is not None and is_taken(asks, one.look)]
    for one in arrived:
        if one.error is not None:
            book(service, asks, one, UNKNOWN, one.error)
        elif one.look is not None and one.look.outside is not None and asks.models is not None:
            book(service, asks, one, NOBODY, one.look.outside)
    kept = {one.draft.id for _, one, _ in taken}
    await asyncio.to_thread(discard, [one.draft for one in arrived if one.draft.id not in kept])
    waiting = [
        Waiting(job, None if job.model is None else Account.open(service, job.model, asks.at, asks.caller).receipt)
        for number, one, look in taken
        for job in jobs_of(asks, number, one.draft, look)
    ]
    if waiting:
        try:
            await take_in(service, [one.draft for _, one, _ in taken], waiting)
        except BaseException as error:
            for receipt in (one.receipt for one in waiting if one.receipt is not None):
                Account(service, receipt, asks.at, asks.caller, asks.site).unanswered(error)
            raise
    return [one.fate for one in arrived], f"/v1/requests?batch={asks.batch}" if waiting else ""


def is_taken(asks: Forwarded, look: Look) -> bool:
    """Whether a model takes the instance, or may do so as far as is known."""
    return bool(look.fits) or asks.models is None


def jobs_of(asks: Forwarded, part: int, draft: Draft, look: Look) -> list[Job]:
    """One job for each model that takes the instance; one for all while nobody knows which do."""
    return [
        Job(
            id=new_id(),
            batch=asks.batch,
            part=part,
            instance=draft.id,
            model=model,
            site=asks.site,
            caller=asks.caller,
            received_at=asks.at,
            accepted_at=asks.at,
            size=draft.size,
            priority=asks.urgency or look.priority,
        )
        for model in (look.fits or (None,))
    ]


def book(service: Service, asks: Forwarded, one: Arrived, model: str, error: StepwedgeError) -> None:
    """An instance that is not answered is an entry in the ledger all the same."""
    account = Account.open(service, model, asks.at, asks.caller)
    account.site, account.input_bytes = asks.site, one.draft.size
    account.unanswered(error)
