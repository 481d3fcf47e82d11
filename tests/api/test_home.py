"""The page at the root, and the headers that every answer carries."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from uuid import UUID, uuid4

import httpx
from sqlalchemy import Engine

from service.config import Settings
from tests.api.serving import register, until, until_loaded


def test_the_page_says_what_is_served_and_loads_nothing_from_elsewhere(shared: httpx.Client) -> None:
    page = shared.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "chest" in page.text
    assert "/v1/models/chest/predictions" in page.text
    assert re.findall(r'(?:src|href)="(?!/)', page.text) == []
    assert "<script" not in page.text
    style = re.search(r"<style>(.*?)</style>", page.text, flags=re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy


def test_every_link_of_the_page_leads_somewhere(shared: httpx.Client) -> None:
    links = set(re.findall(r'href="([^"]+)"', shared.get("/").text))
    assert len(links) >= 5
    assert {shared.get(link).status_code for link in links} == {200}


def test_what_a_manifest_says_is_text_on_the_page(client: httpx.Client, engine: Engine, settings: Settings, tmp_path: Path) -> None:
    register(engine, settings, tmp_path / "bold", name="bold", description="<b>bold</b>")
    until_loaded(client, "bold")
    until(lambda: "&lt;b&gt;bold&lt;/b&gt;" in client.get("/").text)
    assert "<b>bold" not in client.get("/").text


def test_every_answer_has_an_id_and_safe_headers(shared: httpx.Client) -> None:
    for path in ("/livez", "/nothing", "/v1/models"):
        headers = shared.get(path).headers
        assert UUID(headers["x-request-id"])
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_a_caller_s_request_id_is_kept_if_it_is_one(shared: httpx.Client) -> None:
    mine = str(uuid4())
    assert shared.get("/livez", headers={"X-Request-Id": mine}).headers["x-request-id"] == mine
    assert UUID(shared.get("/livez", headers={"X-Request-Id": "Zimmermann"}).headers["x-request-id"])


def test_the_models_are_listed_with_what_they_promise(shared: httpx.Client) -> None:
    (summary,) = shared.get("/v1/models").json()
    assert (summary["model"], summary["version"], summary["findings"], summary["loaded"]) == ("chest", "1", ["opacity", "effusion"], True)
    detail = shared.get(summary["links"]["self"]).json()
    assert [point["threshold"] for point in detail["operating_points"]] == [0.5, 0.5]
    assert detail["accepts"]["modality"] == ["DX", "CR"]
    assert detail["monitoring"]["alarms_per_year"] == 1.0
    assert [version["state"] for version in detail["versions"]] == ["champion"]
