"""Render: a template and a frozen view become a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service.access import LONGEST_REASON, SHORTEST_REASON
from service.console import wording
from service.console.assets import asset
from service.console.headers import HEADERS, OVER_TLS
from service.console.page import Page, Place, href
from service.console.visitor import GUEST_COOKIE, Visitor

FOLDER = Path(__file__).parent / "templates"
FRAGMENT = "stepwedge-fragment"
THEME_COOKIE = "stepwedge_theme"
THEMES = ("light", "dark")
FLEET = "/console/fleet"
STORY = "/console/story"
MODEL = "/console/models/{model}"
FILTERS = ("moment", "day", "span", "number", "count", "share", "interval", "cell", "kind", "family")


@dataclass(frozen=True, slots=True)
class Link:
    """A link. here: it leads to the page that is shown. key: the letter that leads there, after g."""

    text: str
    address: str
    here: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a page: its title, where one is, where one may go, who looks."""

    title: str
    crumbs: tuple[Link, ...]
    navigation: tuple[Link, ...]
    tabs: tuple[Link, ...]
    visitor: Visitor
    theme: str
    back: str
    version: str
    refresh_s: int | None
    model: str = ""


def frame_of(page: Page, pages: Sequence[Page], request: Request, visitor: Visitor, *, demo: bool = False) -> Frame:
    """The frame of a page; demo: there is a story to be told."""
    model = request.path_params.get("model")
    tabs = () if model is None else tuple(_link(one, page, model=model) for one in pages if one.place is Place.MODEL)
    return Frame(
        title=page.title if model is None else f"{page.title} · {model}",
        crumbs=tuple(_crumbs(page, model)),
        navigation=keyed([_link(one, page) for one in pages if one.place is Place.TOP or (demo and one.path == STORY)]),
        tabs=tabs,
        visitor=visitor,
        theme=theme_of(request),
        back=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        version=version("stepwedge"),
        refresh_s=page.refresh_s,
        model=model or "",
    )


def keyed(links: Sequence[Link]) -> tuple[Link, ...]:
    """Each link with the first of its letters that no former one has.

    >>> [one.key for one in keyed([Link("Story", ""), Link("Service", "")])]
    ['s', 'e']
    """
    taken: list[str] = []
    for link in links:
        taken.append(next((one for one in link.text.lower() if one.isalpha() and one not in taken), ""))
    return tuple(replace(link, key=key) for link, key in zip(links, taken, strict=True))


def _link(one: Page, page: Page, **values: object) -> Link:
    return Link(one.title, href(one.path, **values), here=one is page)


def _crumbs(page: Page, model: str | None) -> list[Link]:
    if model is None:
        return []
    above = [Link("Fleet", FLEET), Link(model, href(MODEL, model=model), here=page.path == MODEL)]
    return above if page.path == MODEL else [*above, Link(page.title, "", here=True)]


def theme_of(request: Request) -> str:
    """Light or dark where the visitor chose one; empty where the browser decides."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


@cache
def environment() -> Environment:
    """The templates: everything is escaped, and a name that is not there is an error."""
    made = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update({name: getattr(wording, name) for name in FILTERS})
    made.globals.update(asset=asset, href=href, shortest_reason=SHORTEST_REASON, longest_reason=LONGEST_REASON)
    return made


def markup(template: str, frame: Frame, view: object, *, fragment: bool = False) -> str:
    """The page as HTML, or only what is inside its `main`, for a page that renews itself."""
    layout = "fragment.html" if fragment else "base.html"
    return environment().get_template(f"{template}.html").render(layout=layout, frame=frame, visitor=frame.visitor, view=view)


def is_fragment(request: Request) -> bool:
    """Whether only the inside is asked for."""
    return FRAGMENT in request.headers


def page_response(html: str, request: Request, visitor: Visitor | None, status: int = 200) -> Response:
    """The answer, with the headers of every page and the cookie of a new guest."""
    reply = HTMLResponse(html, status, headers=headers_for(request))
    if visitor is not None and visitor.guest is not None:
        set_cookie(reply, request, GUEST_COOKIE, visitor.guest)
    return reply


def headers_for(request: Request) -> Mapping[str, str]:
    return {**HEADERS, "Vary": "Cookie", **(OVER_TLS if over_tls(request) else {})}


def set_cookie(reply: Response, request: Request, name: str, value: str, seconds: int | None = None) -> None:
    """A cookie that no script reads and no other site sends."""
    reply.set_cookie(name, value, max_age=seconds, path="/", secure=over_tls(request), httponly=True, samesite="strict")


def over_tls(request: Request) -> bool:
    """Whether the browser speaks TLS, to us or to the proxy in front. A browser that says so wrongly only loses its own cookies."""
    return "https" in {request.url.scheme, request.headers.get("x-forwarded-proto", "")}
