"""Forward: what a STOW-RS request asks for, besides its instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Header, Query

from service.access import Caller
from service.api.intake import SITE, Site, Urgency, priority_of
from service.api.state import Service
from service.api.stored import JSON, XML
from service.errors import InvalidRequestError, NotAcceptableError, UnavailableError
from service.gateway.job import Priority, new_id
from service.models.manifest import Accepts

DICOM, RELATED = "application/dicom", "multipart/related"
EXPECTED = 'Send multipart/related; type="application/dicom"; boundary=..., or application/dicom, without Content-Encoding.'
TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys((JSON, "application/json", "application/*", "*/*"), JSON),
    **dict.fromkeys((XML, "application/xml", "text/xml"), XML),
}
NO_MODEL = "No model is in service here, so nothing is taken in; try again later."

Models = Annotated[
    str | None,
    Header(
        alias="Stepwedge-Model",
        description="Models that are asked, separated by commas; without it, every model whose manifest accepts an instance.",
        examples=["chest"],
    ),
]
Named = Annotated[str | None, Query(alias="model", description="As the header Stepwedge-Model.", examples=["chest"])]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What headers and query say, as they came."""

    site: str | None
    urgency: str | None
    models: str | None


async def wanted(site: Site = None, urgency: Urgency = None, models: Models = None, model: Named = None) -> Wanted:
    return Wanted(site, urgency, ",".join(one for one in (models, model) if one is not None) or None)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """One request to store: who sends, from which site, how urgent, to which models (None: whoever takes it), of which study."""

    caller: str
    site: str
    urgency: Priority | None
    models: Mapping[str, Accepts] | None
    study: str | None
    at: datetime
    batch: UUID


def forwarded(service: Service, caller: Caller, asks: Wanted, study: str | None, at: datetime) -> Forwarded:
    """What the request asks for.

    Raises:
        InvalidRequestError: A header is not valid.
        UnknownModelError: A model that it names is not in service.
        UnavailableError: No model is.
    """
    site = service.settings.site if asks.site is None else asks.site
    if not SITE.fullmatch(site):
        raise InvalidRequestError("Stepwedge-Site is a short name of a-z, 0-9, '_' and '-'.")
    return Forwarded(
        caller=caller.name,
        site=site,
        urgency=priority_of(asks.urgency),
        models=asked_models(service, asks.models),
        study=study,
        at=at,
        batch=new_id(),
    )


def asked_models(service: Service, stated: str | None) -> Mapping[str, Accepts] | None:
    """The models that are asked and what each accepts; None while that is not known.

    Raises:
        UnavailableError: There is none, so that nobody would ever look at what is sent.
    """
    known = service.fleet.accepts
    if stated is None:
        if known == {}:
            raise UnavailableError(NO_MODEL)
        return known
    names = [name.strip() for name in stated.split(",") if name.strip()]
    if not names:
        raise InvalidRequestError("Stepwedge-Model names at least one model.")
    for name in names:
        service.fleet.expect(name)
    return {name: (known or {}).get(name, Accepts()) for name in names}


def chosen_type(accept: str | None) -> str:
    """JSON or XML, whichever the header Accept prefers.

    >>> chosen_type(None), chosen_type("application/dicom+xml;q=0.9, application/json;q=0.1"), chosen_type("*/*")
    ('application/dicom+json', 'application/dicom+xml', 'application/dicom+json')

    Raises:
        NotAcceptableError: It wants neither.
    """
    best, wanted_most = "", 0.0
    for stated in (accept or "*/*").split(","):
        kind, *options = (part.strip().lower() for part in stated.split(";"))
        quality = next((_number(option[2:]) for option in options if option.startswith("q=")), 1.0)
        related = next((option[5:].strip('"') for option in options if option.startswith("type=")), "")
        answer = TYPES.get(related if kind == RELATED else kind)
        if answer is not None and quality > wanted_most:
            best, wanted_most = answer, quality
    if not best:
        raise NotAcceptableError
    return best


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
