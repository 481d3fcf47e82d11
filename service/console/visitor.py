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

GUEST_COOKIE = "stepwedge_guest"
LONGEST_COOKIE = 128
PURPOSE = b"stepwedge: forms of the console, 1"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks.

    token: what the visitor's forms must bring back, so that no other site can send them.
    guest: a cookie to be set, by which a visitor without a session is known again; None where there is one.
    """

    caller: Caller
    token: str
    guest: str | None = None

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
    """Who looks: by a bearer token, else a guest.

    Raises:
        UnauthenticatedError: A token is brought that opens nothing.
    """
    caller = service.callers.identify(token_of(request), datetime.now(UTC))
    request.scope["state"]["leave"] = service.pace.enter(caller.name)
    stated = request.cookies.get(GUEST_COOKIE, "")
    known = stated if stated.isascii() and 0 < len(stated) <= LONGEST_COOKIE else None
    mark = known or secrets.token_urlsafe(16)
    return Visitor(caller, form_token(service.key, mark), guest=None if known else mark)


def form_token(key: bytes, mark: str) -> str:
    """What the forms of whoever has this cookie carry."""
    return hmac.new(hmac.digest(key, PURPOSE, sha256), mark.encode(), sha256).hexdigest()
