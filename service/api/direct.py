"""Direct: the endpoints that carry the load, called without the framework, which takes longer to find them than they take to work."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPMethod

from fastapi import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.handlers import known_problem


class Direct:
    """ASGI middleware, the innermost: what is posted to the address of one of these routes is answered by it, all else by the router."""

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = [(route.path_regex, route) for route in routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == HTTPMethod.POST:
            for pattern, route in self._routes:
                if (found := pattern.match(scope["path"])) is not None:
                    scope["route"], scope["path_params"] = route, found.groupdict()
                    await answer(route, scope, receive, send)
                    return
        await self._app(scope, receive, send)


async def answer(route: Route, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive, send)
    try:
        response = await route.endpoint(request)
    except Exception as error:
        response = known_problem(request, error)
        if response is None:
            raise
    await response(scope, receive, send)
