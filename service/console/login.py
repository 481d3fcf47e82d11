"""Log in with a key, once, and out again. What the browser keeps is a random cookie; what the store keeps is its digest."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote

import jwt
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from service.access import Caller, Role
from service.api.callers import LONGEST_TOKEN
from service.api.problems import kind_of
from service.api.state import Service, service_of
from service.console.forms import back_of, read_form
from service.console.page import Asked, Page, Place
from service.console.render import FLEET, headers_for, set_cookie
from service.console.visitor import GUEST_COOKIE, SESSION_COOKIE, Visitor
from service.errors import StepwedgeError, UnauthenticatedError
from service.gateway.api_key import digest_of
from service.store.sessions import Session, close_session, open_session

PATH = "/console/login"
OUT = "/console/logout"
LIFE = timedelta(hours=8)
"""A working day; then one logs in again."""


@dataclass(frozen=True, slots=True)
class LoginView:
    """The form. back: the page that was asked for. failed: what opened nothing, a key or what the issuer said. redirect: people may log in there."""

    back: str
    failed: str
    issuer: str | None
    redirect: bool
    guests: tuple[str, ...]
    hours: int


def login(_connection: Connection, asked: Asked) -> LoginView:
    """What one may log in with here."""
    settings = asked.service.settings
    return LoginView(
        back=asked.query.get("back", ""),
        failed=asked.word("failed", ("", "1", "issuer"), ""),
        issuer=settings.oidc_issuer,
        redirect=settings.oidc_client_id is not None,
        guests=tuple(sorted(settings.anonymous_roles)),
        hours=int(LIFE.total_seconds() // 3600),
    )


async def log_in(request: Request, visitor: Visitor) -> Response:
    """Open a session for who brings a key or a token that opens something."""
    fields, service, now = await read_form(request, visitor), await service_of(request), datetime.now(UTC)
    back, text = back_of(fields, FLEET), fields.get("key", "").strip()
    try:
        caller = known(service, text, now)
    except UnauthenticatedError as error:
        turned_away(service, error)
        return RedirectResponse(f"{PATH}?failed=1&back={quote(back, safe='')}", 303, headers=headers_for(request))
    cookie, expires_at = secrets.token_urlsafe(32), end_of(text, now)
    session = Session(sha256(cookie.encode()).digest(), digest_of(text), caller.name, caller.roles, now, expires_at)
    await service.database.run(lambda connection: open_session(connection, session))
    answer = RedirectResponse(back, 303, headers=headers_for(request))
    set_cookie(answer, request, SESSION_COOKIE, cookie, int((expires_at - now).total_seconds()))
    answer.delete_cookie(GUEST_COOKIE)
    return answer


async def log_out(request: Request, visitor: Visitor) -> Response:
    """End the session, here and in the store."""
    await read_form(request, visitor)
    service, now, cookie = await service_of(request), datetime.now(UTC), request.cookies.get(SESSION_COOKIE, "")
    await service.database.run(lambda connection: close_session(connection, sha256(cookie.encode()).digest(), now))
    answer = RedirectResponse(PATH, 303, headers={**headers_for(request), "Clear-Site-Data": '"storage"'})
    answer.delete_cookie(SESSION_COOKIE)
    return answer


def known(service: Service, text: str, now: datetime) -> Caller:
    """Who brings this key or token.

    Raises:
        UnauthenticatedError: It opens nothing.
        UnavailableError: The keys are not known yet.
    """
    if not text or len(text) > LONGEST_TOKEN or not text.isascii():
        raise UnauthenticatedError
    return service.callers.identify(text, now)


def end_of(text: str, now: datetime) -> datetime:
    """When the session ends: after a working day, and no later than the token that opened it. Its signature was checked before."""
    if digest_of(text) is not None:
        return now + LIFE
    said = jwt.decode(text, options={"verify_signature": False})["exp"]
    return min(now + LIFE, datetime.fromtimestamp(float(said), UTC))


def turned_away(service: Service, error: StepwedgeError) -> None:
    """Count and audit a key that opened nothing; never the key."""
    reason = kind_of(error).slug
    service.ledger.turn_away(reason)
    service.audit.denied("anonymous", Role.READ, reason)


LOGIN_PAGE = Page("login", "Log in", PATH, login, Place.BELOW, role=None, refresh_s=None)
