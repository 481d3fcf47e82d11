"""Mishaps: whatever goes wrong becomes a page that says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import structlog
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from service.access import Caller
from service.api.envelope import request_id_of
from service.api.handlers import GONE
from service.api.problems import INTERNAL, METHOD, NOT_FOUND, Kind, detail_of, kind_of
from service.api.trace import frames
from service.console.login import PATH as LOGIN
from service.console.page import Page, Place
from service.console.render import frame_of, headers_for, is_fragment, markup, page_response
from service.console.visitor import Visitor
from service.errors import UnauthenticatedError
from service.gateway.callers import ANONYMOUS

NOBODY = Visitor(Caller(ANONYMOUS, frozenset()), "")
ADVICE = {
    400: "The address or the form holds something that this page does not understand. Go back, or begin at the fleet.",
    403: "Ask whoever runs this service for a key with that role, then log out here and log in with it.",
    404: "The address may be mistyped, or what it led to may have been removed. Begin at the fleet.",
    405: "This address takes another kind of request. Go back, reload the page, and try again.",
    409: "Somebody may have done this already. Reload the page to see how things stand.",
    429: "Wait a moment, then reload the page.",
    503: "The database does not answer at the moment. Films are answered all the same and wait on disk; reload the page in a minute.",
}
OTHERWISE = "Reload the page. If it happens again, tell whoever runs this service the number below: the log has it."
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Mishap:
    """What went wrong, and what to do about it."""

    status: int
    title: str
    detail: str
    advice: str
    instance: str


def mishap_response(request: Request, error: Exception, visitor: Visitor | None) -> Response:
    """The page of an error; who is not logged in is led to where that is done, and back afterwards."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=GONE)
    if isinstance(error, UnauthenticatedError):
        return to_login(request)
    kind, detail = told(error)
    if kind is INTERNAL:
        log.error("unexpected_error", kind=type(error).__name__, frames=frames(error))
    view = Mishap(kind.status, kind.title, detail, ADVICE.get(kind.status, OTHERWISE), request_id_of(request.scope))
    page = Page("mishap", kind.title, request.url.path, lambda _connection, _asked: view, Place.BELOW, refresh_s=None)
    request.scope["path_params"] = {}
    frame = frame_of(page, (), request, visitor or NOBODY)
    answer = page_response(markup("mishap", frame, view, fragment=is_fragment(request)), request, None, kind.status)
    if kind.retry_after_s is not None:
        answer.headers["Retry-After"] = str(kind.retry_after_s)
    return answer


def told(error: Exception) -> tuple[Kind, str]:
    """The kind of an error, and what may be said of it."""
    if isinstance(error, HTTPException):
        known = {404: NOT_FOUND, 405: METHOD}
        kind = known.get(error.status_code) or Kind(f"http-{error.status_code}", error.status_code, "Not possible")
        return kind, f"{kind.title}."
    kind = kind_of(error)
    return kind, detail_of(error, kind)


def to_login(request: Request) -> Response:
    """Redirect to the login; a page that renews itself is told with its status, so that it stays as it is."""
    if is_fragment(request):
        return Response(status_code=401, headers=headers_for(request))
    query = f"?{request.url.query}" if request.url.query else ""
    back = quote(request.url.path + query, safe="") if request.method == "GET" else ""
    return RedirectResponse(f"{LOGIN}?back={back}" if back else LOGIN, 303, headers=headers_for(request))
