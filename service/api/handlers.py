"""Exception handlers: whatever an endpoint or the router raises becomes a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, Route

from service.api.envelope import request_id_of
from service.api.problems import INVALID, METHOD, NOT_FOUND, FieldProblem, Kind, detail_of, for_address, kind_of, problem, problem_response
from service.errors import StepwedgeError

NOT_VALID = "Not valid"
GONE = 499
"""Nobody listens any more; the server drops the answer."""
SAYS_NO_VALUE = {
    "missing",
    "less_than",
    "less_than_equal",
    "greater_than",
    "greater_than_equal",
    "finite_number",
    "string_too_short",
    "string_too_long",
    "string_pattern_mismatch",
    "string_type",
    "float_type",
    "int_type",
    "list_type",
    "too_long",
    "too_short",
    "model_type",
    "model_attributes_type",
    "timezone_aware",
    "enum",
    "literal_error",
}
"""Kinds of validation error whose message states the rule only; any other message may quote the input."""


async def own_problem(request: Request, error: Exception) -> Response:
    answer = known_problem(request, error)
    if answer is None:
        raise TypeError from error
    return answer


def known_problem(request: Request, error: Exception) -> Response | None:
    """The answer of an endpoint that ended with an error of ours; None if nobody foresaw it."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=GONE)
    if not isinstance(error, StepwedgeError):
        return None
    kind = kind_of(error)
    return said(request, kind, detail_of(error, kind), headers=come_again(error))


def come_again(error: StepwedgeError) -> Mapping[str, str]:
    """When to, where the error itself knows; else the kind of problem says it."""
    return {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}


class HttpProblem:
    """What the router itself raises: no such address, or not with this method."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = routes

    async def __call__(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise TypeError from error
        known = {404: NOT_FOUND, 405: METHOD, 400: INVALID}
        kind = known.get(error.status_code) or Kind(f"http-{error.status_code}", error.status_code, "Not possible")
        headers = {"Allow": ", ".join(self.methods_at(request))} if kind is METHOD else error.headers
        return said(request, kind, f"{kind.title}.", headers=headers)

    def methods_at(self, request: Request) -> list[str]:
        """Every method that the address of a request has; the router tells those of the first endpoint there only."""
        there = (route for route in self._routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE)
        return sorted({method for route in there for method in route.methods or ()})


async def validation_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise TypeError from error
    fields = [field_problem(item) for item in error.errors()]
    return said(request, INVALID, "Some fields are not valid.", fields=fields)


def said(
    request: Request, kind: Kind, detail: str, *, fields: list[FieldProblem] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    body = problem(kind, detail, request_id_of(request.scope), fields)
    return problem_response(kind, for_address(body, request.url.path), headers)


def field_problem(item: Mapping[str, object]) -> FieldProblem:
    """Where and by which rule, never what: the name of an unexpected field is input too."""
    kind, path = str(item.get("type", "")), item.get("loc", ())
    steps = [str(step) for step in path] if isinstance(path, Sequence) else []
    if kind == "extra_forbidden":
        return FieldProblem(location=".".join(steps[:-1]), message="Unexpected field")
    return FieldProblem(location=".".join(steps), message=str(item["msg"]) if kind in SAYS_NO_VALUE else NOT_VALID)


def install(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Install the handlers; `routers` are those that the application includes."""
    routes = [*app.routes, *(route for router in routers for route in router.routes)]
    app.add_exception_handler(StepwedgeError, own_problem)
    app.add_exception_handler(HTTPException, HttpProblem(routes))
    app.add_exception_handler(RequestValidationError, validation_problem)
    app.add_exception_handler(ClientDisconnect, own_problem)
