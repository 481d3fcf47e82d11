"""Light or dark, where the visitor wants another than the browser says. Kept in a cookie, so that it works without a script."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from service.console.forms import back_of, read_form
from service.console.render import FLEET, THEME_COOKIE, THEMES, headers_for, set_cookie
from service.console.visitor import Visitor

PATH = "/console/theme"
A_YEAR_S = 365 * 86_400


async def choose(request: Request, visitor: Visitor) -> Response:
    """Remember the choice and show the same page in it."""
    fields = await read_form(request, visitor)
    answer = RedirectResponse(back_of(fields, FLEET), 303, headers=headers_for(request))
    chosen = fields.get("theme", "")
    set_cookie(answer, request, THEME_COOKIE, chosen if chosen in THEMES else "", A_YEAR_S if chosen in THEMES else 0)
    return answer
