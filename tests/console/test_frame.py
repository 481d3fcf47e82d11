"""What every page has: safe headers, nothing from elsewhere, a way back, and words where something goes wrong."""

from __future__ import annotations

import re
from asyncio import run
from pathlib import Path

import httpx
import pytest
from fastapi import Request, Response
from sqlalchemy import Engine

from service.api.envelope import route_of
from service.config import Settings
from service.console.assets import assets
from service.console.pages import PAGES
from service.console.render import MODEL, environment
from service.console.routes import guarded
from service.console.visitor import Visitor
from tests.api.serving import register, serving, until, until_loaded

PAGE = {"Accept": "text/html"}
UNSAFE = ("unsafe-inline", "unsafe-eval", "*", "http:", "https:", "data:")


def test_the_root_leads_to_the_fleet(shared: httpx.Client) -> None:
    assert shared.get("/").headers["location"] == "/console/fleet"
    assert "chest" in shared.get("/", follow_redirects=True).text


def test_a_page_allows_nothing_inline_and_nothing_from_elsewhere(shared: httpx.Client) -> None:
    page = shared.get("/console/fleet")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not [word for word in UNSAFE if word in policy]
    assert re.findall(r'(?:src|href|action)="(?!/|#|\?)', page.text) == []
    assert not re.search(r"<style|<script>|\sstyle=|\son[a-z]+=|javascript:", page.text)
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"


def test_the_log_names_a_page_as_it_is_declared_not_as_it_was_asked_for() -> None:
    async def answer(_request: Request, _visitor: Visitor) -> Response:
        return Response()

    scope = {"type": "http", "method": "GET", "path": "/console/models/Zimmermann", "headers": [], "query_string": b""}
    with pytest.raises(KeyError):  # no application behind it
        run(guarded(MODEL, answer)(Request(scope)))
    assert route_of(scope) == MODEL


def test_no_template_writes_style_or_script_into_the_page() -> None:
    for name in environment().list_templates():
        source = Path(str(environment().get_template(name).filename)).read_text()
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?! src=)|\|\s*safe\b", source), name


def test_assets_are_kept_for_ever_under_an_address_that_changes_with_them(shared: httpx.Client) -> None:
    page = shared.get("/console/fleet").text
    addresses = re.findall(r'"(/console/static/[^"]+)"', page)
    assert {Path(one).suffix for one in addresses} == {".css", ".js", ".svg"}
    for address in addresses:
        reply = shared.get(address)
        assert reply.status_code == 200
        assert "immutable" in reply.headers["cache-control"]
    old = re.sub(r"\.[0-9a-f]{16}\.css", ".0000000000000000.css", addresses[1])
    assert shared.get(old).status_code == 404
    assert sum(len(one.content) for one in assets().values()) < 100_000


def test_the_inside_of_a_page_can_be_asked_for_alone(shared: httpx.Client) -> None:
    inside = shared.get("/console/fleet", headers={"Stepwedge-Fragment": "1"}).text
    assert "<h1>Fleet</h1>" in inside
    assert "<html" not in inside


def test_an_address_that_leads_nowhere_is_a_page_that_says_what_to_do(shared: httpx.Client) -> None:
    reply = shared.get("/console/nothing-here")
    assert reply.status_code == 404
    assert reply.headers["content-type"].startswith("text/html")
    assert "Begin at the fleet" in reply.text
    assert reply.headers["x-request-id"] in reply.text


@pytest.mark.parametrize("query", ["page=0", "page=x", "state=nonsense", f"q={300 * 'a'}"])
def test_an_address_that_is_not_understood_says_which_part(shared: httpx.Client, query: str) -> None:
    reply = shared.get(f"/console/fleet?{query}")
    assert reply.status_code == 400
    assert f"In the address, {query.partition('=')[0]} " in reply.text


def test_every_page_has_a_template_a_title_and_an_address_of_its_own() -> None:
    assert all(f"{page.name}.html" in environment().list_templates() for page in PAGES)
    assert len({page.path for page in PAGES}) == len({page.title for page in PAGES}) == len(PAGES)


def test_dark_and_light_are_remembered_without_a_script(client: httpx.Client) -> None:
    page = client.get("/console/fleet?q=chest")
    assert "data-theme" not in page.text
    token = re.search(r'name="token" value="([0-9a-f]+)"', page.text)
    assert token
    form = {"token": token[1], "back": "/console/fleet?q=chest", "theme": "dark"}
    chosen = client.post("/console/theme", data=form)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/console/fleet?q=chest")
    assert '<html lang="en" data-theme="dark">' in client.get("/console/fleet").text


@pytest.mark.parametrize("form", [{}, {"token": "0" * 64}, {"token": ""}])
def test_a_form_without_the_token_of_its_page_changes_nothing(client: httpx.Client, form: dict[str, str]) -> None:
    client.get("/console/fleet")
    assert client.post("/console/theme", data={"theme": "dark", **form}).status_code == 400
    assert "data-theme" not in client.get("/console/fleet").text


def test_a_form_leads_to_no_other_site(client: httpx.Client) -> None:
    token = re.search(r'name="token" value="([0-9a-f]+)"', client.get("/console/fleet").text)
    assert token
    for back in ("https://elsewhere.example/", "//elsewhere.example/", "/console//elsewhere.example", "/console/\\elsewhere.example"):
        reply = client.post("/console/theme", data={"token": token[1], "theme": "dark", "back": back})
        assert reply.headers["location"] == "/console/fleet"


def test_who_may_not_look_is_led_to_the_login(settings: Settings, engine: Engine, tmp_path: Path) -> None:

    register(engine, settings, tmp_path / "package")
    with serving(settings.model_copy(update={"anonymous_may": ""})) as client:
        until_loaded(client)
        stranger = httpx.Client(base_url=client.base_url, trust_env=False)
        with stranger:
            assert stranger.get("/console/fleet?q=a").headers["location"] == "/console/login?back=%2Fconsole%2Ffleet%3Fq%3Da"


def test_what_a_manifest_says_is_text_on_the_page(client: httpx.Client, engine: Engine, settings: Settings, tmp_path: Path) -> None:
    register(engine, settings, tmp_path / "bold", name="bold", description="<b>bold</b>")
    until_loaded(client, "bold")
    until(lambda: "bold" in client.get("/console/fleet").text)
    assert "<b>bold</b>" not in client.get("/console/fleet").text
