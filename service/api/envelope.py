"""Around every request: an id, a log line, safe headers, and an answer even to what nobody foresaw."""

from __future__ import annotations

from collections.abc import MutableMapping
from random import Random
from time import perf_counter
from typing import Any
from uuid import UUID

import structlog
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import INTERNAL, detail_of, for_address, problem, problem_response
from service.api.trace import frames

log = structlog.get_logger()

HEADER = b"x-request-id"
ALWAYS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
UNMATCHED = "unmatched"
# A request's id need be unique, not secret; see ids.py.
_dice = Random()  # noqa: S311 - not for cryptography
_FIXED, _VERSION_4 = 0xF << 76 | 0b11 << 62, 4 << 76 | 0b10 << 62
QUIET = {"/livez", "/readyz", "/metrics"}


class Envelope:
    """ASGI middleware. The log names the route, never the address as it came: an address may carry anything."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope.setdefault("state", {})["request_id"] = chosen_id(scope)
        reply = Reply(send, request_id)
        began = perf_counter()
        structlog.contextvars.bind_contextvars(request_id=request_id)  # the server gives each request a task, and so a context, of its own
        try:
            await self._app(scope, receive, reply)
        except Exception as error:
            log.error("unexpected_error", kind=type(error).__name__, frames=frames(error))  # noqa: TRY400 - a message may quote a tag
            if reply.status:
                raise
            body = for_address(problem(INTERNAL, detail_of(error, INTERNAL), request_id), scope["path"])
            await problem_response(INTERNAL, body)(scope, receive, reply)
        finally:
            if (leave := scope["state"].get("leave")) is not None:
                leave()
            note(scope, reply.status, 1000 * (perf_counter() - began))


class Reply:
    """The way out: remembers the status and adds the headers that every answer carries."""

    __slots__ = ("_request_id", "_send", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message.setdefault("headers", [])
            present = {name for name, _ in headers}
            message["headers"] = [*headers, *(pair for pair in ALWAYS if pair[0] not in present), (HEADER, self._request_id)]
        await self._send(message)


def note(scope: Scope, status: int, duration_ms: float) -> None:
    """One line a request; what probes ask every few seconds is worth a line only when it goes wrong."""
    route = route_of(scope)
    write = log.debug if route in QUIET and status == 200 else log.info  # noqa: PLR2004 - the number is the name of the status
    write("request", method=scope["method"], route=route, status=status, duration_ms=round(duration_ms, 2))


def route_of(scope: Scope) -> str:
    route: BaseRoute | None = scope.get("route")
    return str(getattr(route, "path", UNMATCHED))


def chosen_id(scope: Scope) -> str:
    """The caller's request id if it is a UUID, so that logs join up; anything else is replaced."""
    for name, value in scope["headers"]:
        if name == HEADER:
            try:
                return str(UUID(value.decode("ascii")))
            except ValueError:
                break
    digits = f"{_dice.getrandbits(128) & ~_FIXED | _VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    return str(scope["state"]["request_id"])
