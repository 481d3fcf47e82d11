"""Who may do what: each endpoint names the role that it needs, and is given the caller who has it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from service.access import Caller, Role
from service.api.accounting import turned_away
from service.api.problems import kind_of
from service.api.state import Served, Service
from service.errors import ForbiddenError, StepwedgeError, UnauthenticatedError
from service.gateway.callers import ANONYMOUS
from service.gateway.ledger import UNKNOWN

LONGEST_TOKEN = 8192
SCHEME = "bearer"
NOBODY = Caller(ANONYMOUS, frozenset())


class May(SecurityBase):
    """A dependency that gives the caller, once it is known to have one of the roles; also how the OpenAPI document describes that."""

    def __init__(self, *roles: Role) -> None:
        self.roles = roles
        self.scheme_name = SCHEME
        self.model = HTTPBearer(description="An API key (sw_...), made by `stepwedge keys create`, or a token of the configured issuer.")

    async def __call__(self, request: Request, service: Served) -> Caller:
        now, caller = datetime.now(UTC), NOBODY
        try:
            caller = service.callers.identify(token_of(request), now)
            self.check(caller)
            request.scope["state"]["leave"] = service.pace.enter(caller.name)
        except StepwedgeError as error:
            self.turn_away(service, request, caller, error, now)
            raise
        service.ledger.called(caller.name, self.roles[0])
        return caller

    def check(self, caller: Caller) -> None:
        """Raise unless the caller has the role.

        Raises:
            UnauthenticatedError: Nobody in particular asks, and that is not enough here.
            ForbiddenError: The caller is known and has not the role.
        """
        if not caller.roles.isdisjoint(self.roles):
            return
        if caller.name == ANONYMOUS:
            raise UnauthenticatedError
        raise ForbiddenError(f"This request needs the role {' or '.join(self.roles)}, which the caller {caller.name} does not have.")

    def turn_away(self, service: Service, request: Request, caller: Caller, error: StepwedgeError, now: datetime) -> None:
        """Count it, have it audited, and book the film that was not even looked at."""
        if isinstance(error, UnauthenticatedError | ForbiddenError):
            reason = kind_of(error).slug
            service.ledger.turn_away(reason)
            service.audit.denied(caller.name, self.roles[0], reason)
        if self.roles == (Role.PREDICT,):
            turned_away(service, str(request.path_params.get("model", UNKNOWN)), now, caller.name, error)


def may(*roles: str) -> May:
    """The dependency of an endpoint that needs one of these roles; use it as `caller: Annotated[Caller, Depends(may("predict"))]`."""
    return May(*(Role(role) for role in roles))


may_predict = may("predict")
MayPredict = Annotated[Caller, Depends(may_predict)]
MayLabel = Annotated[Caller, Depends(may("label"))]
MayRead = Annotated[Caller, Depends(may("read"))]
MayFollow = Annotated[Caller, Depends(may("predict", "read"))]
MayOperate = Annotated[Caller, Depends(may("operate"))]


def token_of(request: Request) -> str | None:
    """The bearer token; None where the request says nothing of who asks.

    Raises:
        UnauthenticatedError: It says so in another way, or at a length that no token has. It is not taken for anonymous.
    """
    stated = [value for name, value in request.headers.raw if name == b"authorization"]
    if not stated:
        return None
    scheme, _, token = stated[0].decode("latin-1").partition(" ")
    if len(stated) > 1 or scheme.lower() != SCHEME or len(token) > LONGEST_TOKEN:
        raise UnauthenticatedError
    return token.strip()
