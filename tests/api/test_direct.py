"""The endpoints that are called without FastAPI are the documented ones, and come first."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from starlette.datastructures import Headers

from service.api.intake import ALIASES, Asked, said_in
from service.api.routers import DIRECT
from service.app import create_app
from tests.api.serving import make_settings


def test_each_direct_endpoint_is_documented_and_found_without_the_router(tmp_path: Path) -> None:
    app = create_app(make_settings("postgresql://nobody@127.0.0.1:1/none", tmp_path))
    documented = {(path, method.upper()) for path, operations in app.openapi()["paths"].items() for method in operations}
    ways = {(route.path, method) for route in DIRECT for method in route.methods or ()}
    assert {("/v1/models/{model}/predictions", "POST"), ("/v2/models/{model}/infer", "POST")} <= ways <= documented
    app.router.routes.clear()
    for path, method in ways:
        # The endpoint is there, and cannot work: no service was started. Without a router nothing else is.
        assert asked_without_service(app, method, path) == 500
        assert asked_without_service(app, "GET", path) == 404


def asked_without_service(app: FastAPI, method: str, path: str) -> int:
    async def ask() -> int:
        app.state.service = None
        async with AsyncClient(transport=ASGITransport(app), base_url="http://stepwedge") as client:
            return (await client.request(method, path.format(model="chest", version="1"))).status_code

    return asyncio.run(ask())


def test_a_direct_endpoint_reads_every_header_that_is_documented() -> None:
    assert set(ALIASES) == {field.name for field in fields(Asked)}
    assert said_in(Headers(dict.fromkeys(ALIASES.values(), "said"))) == Asked(*("said" for _ in ALIASES))
