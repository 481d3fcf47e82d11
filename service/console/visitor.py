"""A visitor: who looks at a page, and the token that his forms must bring."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from fastapi import Request

from service.access import Caller, Role
from service.api.callers import token_of
from service.api.state import Service
from service.errors import ForbiddenError, UnauthenticatedError
from service.gateway.callers import ANONYMOUS
from service.store.sessions import find_session

GUEST_COOKIE = "stepwedge_guest"
SESSION_COOKIE = "stepwedge_session"
LONGEST_COOKIE = 128
PURPOSE = b"stepwedge: forms of the console, 1"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks.

    token: what the visitor's forms must bring back, so that no other site can send them.
    guest: a cookie to be set, by which a visitor without a session is known again; None where there is one.
    session: the visitor has logged in.
    """

    caller: Caller
    token: str
    guest: str | None = None
    session: bool = False

    @property
    def known(self) -> bool:
        """Whether it is somebody in particular."""
        return self.caller.name != ANONYMOUS

    def may(self, role: str) -> bool:
        return Role(role) in self.caller.roles

    def need(self, *roles: Role) -> None:
        """Raise unless the visitor has one of the roles.

        Raises:
            UnauthenticatedError: Nobody in particular looks, and that is not enough here.
            ForbiddenError: The visitor is known and has none of them.
        """
        if not self.caller.roles.isdisjoint(roles):
            return
        if not self.known:
            raise UnauthenticatedError
        raise ForbiddenError(f"This needs the role {' or '.join(roles)}, which {self.caller.name} does not have.")


async def visitor_of(request: Request, service: Service) -> Visitor:
    """Who looks: by a session, by a bearer token, else a guest.

    Raises:
        UnauthenticatedError: A token is brought that opens nothing.
        UnavailableError: A session is brought while Postgres, which knows it, is away.
    """
    now, cookie, brought = datetime.now(UTC), cookie_of(request, SESSION_COOKIE), token_of(request)
    caller = await holder_of(service, cookie, now) if cookie is not None and brought is None else None
    if caller is not None and cookie is not None:
        enter(request, service, caller)
        return Visitor(caller, form_token(service.key, cookie), session=True)
    caller = service.callers.identify(brought, now)
    enter(request, service, caller)
    known = cookie_of(request, GUEST_COOKIE)
    mark = known or secrets.token_urlsafe(16)
    return Visitor(caller, form_token(service.key, mark), guest=None if known else mark)


async def holder_of(service: Service, cookie: str, now: datetime) -> Caller | None:
    """Who logged in with this cookie; None once the session, or the key that opened it, is over."""
    digest = sha256(cookie.encode()).digest()
    session = await service.database.run(lambda connection: find_session(connection, digest, now))
    if session is None:
        return None
    return Caller(session.name, session.roles) if session.key is None else service.callers.holder(session.key, now)


def enter(request: Request, service: Service, caller: Caller) -> None:
    """Count the request against what the caller may send at once; its end is counted by the envelope."""
    request.scope["state"]["leave"] = service.pace.enter(caller.name)


def cookie_of(request: Request, name: str) -> str | None:
    """A cookie that could be one of ours."""
    stated = request.cookies.get(name, "")
    return stated if stated.isascii() and 0 < len(stated) <= LONGEST_COOKIE else None


def form_token(key: bytes, mark: str) -> str:
    """What the forms of whoever has this cookie carry."""
    return hmac.new(hmac.digest(key, PURPOSE, sha256), mark.encode(), sha256).hexdigest()
