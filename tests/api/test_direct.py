"""The endpoints that are called without FastAPI are the documented ones, and come first."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from starlette.datastructures import Headers

from service.api.intake import ALIASES, Asked, said_in
from service.api.routers import DIRECT
from service.app import create_app
from tests.api.serving import make_settings


def test_each_direct_endpoint_is_documented_and_found_first(tmp_path: Path) -> None:
    app = create_app(make_settings("postgresql://nobody@127.0.0.1:1/none", tmp_path))
    documented = {(path, method.upper()) for path, operations in app.openapi()["paths"].items() for method in operations}
    ways = {(route.path, method) for route in DIRECT for method in route.methods or ()}
    assert {("/v1/models/{model}/predictions", "POST"), ("/v2/models/{model}/infer", "POST")} <= ways <= documented
    first = [route for route in app.router.routes if getattr(route, "path", "").startswith("/v")]
    assert first[: len(DIRECT)] == list(DIRECT)


def test_a_direct_endpoint_reads_every_header_that_is_documented() -> None:
    assert set(ALIASES) == {field.name for field in fields(Asked)}
    assert said_in(Headers(dict.fromkeys(ALIASES.values(), "said"))) == Asked(*("said" for _ in ALIASES))
