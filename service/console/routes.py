"""Routes: every page, action and file of the console, as the application takes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.routing import Route

from service.api.state import service_of
from service.console import alarm, assets, audit, audit_export, downloads, film, login, oidc, reading, remedy, sheet, theme, worklist
from service.console import service as service_page
from service.console.mishap import mishap_response
from service.console.page import Asked, Page
from service.console.pages import FIGURED, PAGES
from service.console.render import FLEET, STORY, frame_of, headers_for, is_fragment, markup, page_response
from service.console.story import version_of
from service.console.story_note import read_note
from service.console.visitor import Visitor, visitor_of

PATIENCE_S = 10.0

Handler = Callable[[Request, Visitor], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Declared:
    """What an address was matched to."""

    path: str


def routes() -> list[Route]:
    """In the order in which an address is compared to them; the last takes what no other does, so that it is told on a page."""
    return [
        get("/", home),
        Route(assets.PATH, assets.send_asset, methods=["GET"]),
        post(theme.PATH, theme.choose),
        post(login.PATH, login.log_in),
        post(login.OUT, login.log_out),
        get(oidc.START, oidc.begin),
        get(oidc.CALLBACK, oidc.finish),
        post(alarm.ACKNOWLEDGE, alarm.acknowledge_alarm),
        post(remedy.DECIDE, remedy.decide),
        get(alarm.REPORT, alarm.report),
        post(worklist.DRAW, worklist.draw),
        post(reading.SAY, reading.say),
        get(film.PATH, film.send),
        post(audit.CHECK, audit.check_chain),
        get(audit_export.PATH, audit_export.send),
        *(get(page.path, shows(page)) for page in PAGES),
        get(downloads.PATH, figure),
        get(service_page.FIGURE, figure),
        get(sheet.PATH, sheet.send),
        get("/console/{rest:path}", nothing),
    ]


def get(path: str, handler: Handler) -> Route:
    return Route(path, guarded(path, handler), methods=["GET"])


def post(path: str, handler: Handler) -> Route:
    return Route(path, guarded(path, handler), methods=["POST"])


def guarded(path: str, handler: Handler) -> Callable[[Request], Coroutine[None, None, Response]]:
    """The handler with its visitor; whatever it raises becomes a page. Logs and series name the path as it is declared here."""
    declared = Declared(path)

    async def handle(request: Request) -> Response:
        request.scope["route"] = declared
        visitor = None
        try:
            visitor = await visitor_of(request, await service_of(request))
            return await handler(request, visitor)
        except Exception as error:  # noqa: BLE001 - unexpected ones are logged there
            return mishap_response(request, error, visitor)

    return handle


def shows(page: Page) -> Handler:
    """The handler of a page."""

    async def show(request: Request, visitor: Visitor) -> Response:
        service = await service_of(request)
        if page.role is not None:
            visitor.need(page.role)
            service.ledger.called(visitor.caller.name, page.role)
        asked = Asked(service, visitor, datetime.now(UTC), request.path_params, dict(request.query_params))
        demo = read_note(service.settings.data_dir) is not None
        frame, fragment = frame_of(page, PAGES, request, visitor, demo=demo), is_fragment(request)

        def draw(connection: Connection) -> str:
            # In the database's thread: to write a large page takes a while, and no film waits for that.
            return markup(page.name, frame, page.view(connection, asked), fragment=fragment)

        return page_response(await service.pages.run(draw, patience=PATIENCE_S), request, visitor)

    return show


async def home(request: Request, _visitor: Visitor) -> Response:
    """The first page: where a demo runs its story, else the fleet."""
    service = await service_of(request)
    note = read_note(service.settings.data_dir)
    told = note is not None and await service.database.run(lambda connection: version_of(connection, note)) is not None
    return RedirectResponse(STORY if told else FLEET, 303, headers=headers_for(request))


async def figure(request: Request, visitor: Visitor) -> Response:
    """A drawing of a page as a file."""
    return await downloads.send(request, visitor, FIGURED.get)


async def nothing(_request: Request, _visitor: Visitor) -> Response:
    """No page has this address."""
    raise HTTPException(404)
