"""Direct: the endpoints that carry the load, called without the framework, which takes longer to find them than they take to work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPMethod
from typing import Any

from fastapi import FastAPI, Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.handlers import known_problem


class Direct(FastAPI):
    """The application; but what is posted to the address of one of these routes meets neither its middleware nor its router."""

    def __init__(self, routes: Sequence[Route], around: Callable[[ASGIApp], ASGIApp], described: Mapping[str, Any]) -> None:
        """Answer these routes directly.

        Args:
            routes: Found by their addresses, in this order.
            around: The middleware that they keep, and that all else gets by `add_middleware`.
            described: What FastAPI is told.
        """
        super().__init__(**described)
        self._direct = [(route.path_regex, route) for route in routes]
        self._answer = around(answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == HTTPMethod.POST:
            for pattern, route in self._direct:
                if (found := pattern.match(scope["path"])) is not None:
                    scope["app"], scope["route"], scope["path_params"] = self, route, found.groupdict()
                    await self._answer(scope, receive, send)
                    return
        await super().__call__(scope, receive, send)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive, send)
    try:
        response = await scope["route"].endpoint(request)
    except Exception as error:
        response = known_problem(request, error)
        if response is None:
            raise
    await response(scope, receive, send)
