"""Downloads: every drawing as a file, and its numbers as a table."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from fastapi import Request, Response
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from service.access import Role
from service.api.state import service_of
from service.console.charts.figure import Figure, stylesheet
from service.console.page import Asked, href
from service.console.render import headers_for
from service.console.visitor import Visitor

PATIENCE_S = 10.0
PATH = "/console/models/{model}/{page}/figures/{figure}.{form}"
WHOLE = "service"
"""Page and first word of the file, where an address names no model."""


class Figured(Protocol):
    """What a page with drawings shows."""

    @property
    def figures(self) -> Sequence[Figure]: ...


Draw = Callable[[Connection, Asked], Figured]


def figure_address(**values: str) -> str:
    """Where a drawing can be had."""
    return href(PATH, **values)


async def send(request: Request, visitor: Visitor, drawn: Callable[[str], Draw | None]) -> Response:
    """One drawing of a page, as the page with the same query shows it."""
    service = await service_of(request)
    visitor.need(Role.READ)
    draw = drawn(request.path_params.get("page", WHOLE))
    if draw is None or request.path_params["form"] not in {"svg", "csv"}:
        raise HTTPException(404)
    asked = Asked(service, visitor, datetime.now(UTC), request.path_params, dict(request.query_params))
    view = await service.pages.run(lambda connection: draw(connection, asked), patience=PATIENCE_S)
    figure = next((one for one in view.figures if one.name == request.path_params["figure"]), None)
    if figure is None:
        raise HTTPException(404)
    return file_of(figure, request)


def file_of(figure: Figure, request: Request) -> Response:
    """As the address asks for it. The styles of the file are the only ones that it may have."""
    model, form = request.path_params.get("model", WHOLE), request.path_params["form"]
    name = "".join(one if one.isascii() and (one.isalnum() or one in "-_.") else "_" for one in f"{model}-{figure.name}.{form}")
    digest = base64.b64encode(hashlib.sha256(stylesheet().encode()).digest()).decode()
    headers = {
        **headers_for(request),
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    if form == "csv":
        return Response(figure.table.csv(), media_type="text/csv; charset=utf-8", headers=headers)
    return Response(figure.standalone(), media_type="image/svg+xml", headers=headers)
