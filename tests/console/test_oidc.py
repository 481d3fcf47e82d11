"""A person logs in at the issuer and comes back with a session: code, PKCE, state and nonce are each held against what was begun."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
from playwright.sync_api import expect
from pydantic import SecretStr

from service.console.oidc import Begun, opened, sealed
from tests.api.serving import make_settings, serving, until
from tests.components import component
from tests.console.looking import Look, browsing, window
from tests.console.visits import Visit, visiting
from tests.helm.loopback import serving as answering
from tests.issuer import AUDIENCE, FakeIssuer
from tests.postgres import database

CLIENT, SECRET = "stepwedge console", "a secret: of the client"
START = "/console/login/issuer?back=%2Fconsole%2Fremedies"


@dataclass
class Provider(FakeIssuer):
    """An issuer where everybody logs in at once; `spoils` is what it says wrongly in its next ID token."""

    begun: dict[str, Mapping[str, str]] = field(default_factory=dict)
    spoils: dict[str, Any] = field(default_factory=dict)
    silent: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if path.startswith("/authorize?"):
            asked = dict(parse_qsl(urlsplit(path).query))
            return 200, f'<!doctype html><meta http-equiv="refresh" content="0;url={self.let_in(asked)}">'.encode()
        status, content = super().answer(path, headers)
        if path.startswith("/.well-known"):
            about = json.loads(content)
            content = json.dumps(
                {**about, "authorization_endpoint": f"{self.address}/authorize", "token_endpoint": f"{self.address}/token"}
            ).encode()
        return status, content

    def let_in(self, asked: Mapping[str, str]) -> str:
        """Where a browser is led that asks for this."""
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        code = f"code-{len(self.begun)}"
        self.begun[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={quote(asked['state'])}"

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        if self.silent:
            return 500, b""
        sent = dict(parse_qsl(body.decode()))
        asked = self.begun.pop(sent["code"], None)
        pair = base64.b64encode(f"{quote(CLIENT)}:{quote(SECRET, safe='')}".encode()).decode()
        challenge = base64.urlsafe_b64encode(sha256(sent["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if (
            asked is None
            or challenge != asked["code_challenge"]
            or sent["redirect_uri"] != asked["redirect_uri"]
            or headers["Authorization"] != f"Basic {pair}"
        ):
            return 400, b'{"error": "invalid_grant"}'
        claims = {"aud": CLIENT, "nonce": asked["nonce"], "roles": ["stepwedge-read"], **self.spoils}
        tokens = {"id_token": self.token(**claims), "access_token": self.token(aud=AUDIENCE, roles=["stepwedge-label"])}
        return 200, json.dumps(tokens).encode()


@dataclass(frozen=True, slots=True)
class Door:
    """A gateway that nobody enters without a log-in, and the issuer."""

    address: str
    provider: Provider


@pytest.fixture(scope="module")
def door(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    provider = Provider()
    with database(server_url, migrated_template) as url, answering(provider.answer, provider.take) as address:
        # Another site than the gateway's to a browser, which tells them by their names.
        provider.address = address.replace("127.0.0.1", "localhost")
        folder: Path = tmp_path_factory.mktemp("door")
        settings = make_settings(
            url,
            folder,
            anonymous_may="",
            oidc_issuer=provider.address,
            oidc_audience=AUDIENCE,
            oidc_client_id=CLIENT,
            oidc_client_secret=SecretStr(SECRET),
        )
        with serving(settings) as client:
            until(lambda: client.get(START).status_code == 303)
            yield Door(str(client.base_url), provider)


@pytest.fixture
def visit(door: Door) -> Iterator[Visit]:
    door.provider.spoils, door.provider.silent = {}, False
    with visiting(door.address) as visit:
        yield visit


def led(visit: Visit, door: Door) -> str:
    """Begin a log-in; where the issuer leads back to."""
    address = visit.get(START).headers["location"]
    assert address.startswith(f"{door.provider.address}/authorize?")
    return door.provider.let_in(dict(parse_qsl(urlsplit(address).query)))


def test_who_comes_back_has_a_session_with_what_both_tokens_allow(door: Door, visit: Visit) -> None:
    assert "Log in at" in visit.page("/console/login")
    reply = visit.get(led(visit, door))
    assert (reply.status_code, 'content="0;url=/console/remedies"' in reply.text) == (200, True)
    kept = reply.headers.get_list("set-cookie")
    assert any(one.startswith("stepwedge_session=") and "HttpOnly" in one and "samesite=strict" in one.lower() for one in kept)
    assert any(one.startswith("stepwedge_login=") and "Max-Age=0" in one for one in kept)
    page = visit.page("/console/login")
    assert "You are logged in as <b>oidc-" in page
    assert "which may label, read" in page
    assert "agathe" not in page
    assert visit.get("/console/remedies").status_code == 200
    assert visit.get("/console/audit").status_code == 403


@pytest.mark.parametrize(
    "spoils",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"azp": "another"},
        {"exp": timedelta(hours=-1)},
        {"iss": "https://other.example"},
    ],
    ids=str,
)
def test_a_token_of_another_log_in_opens_nothing(door: Door, visit: Visit, spoils: dict[str, Any]) -> None:
    door.provider.spoils = spoils
    assert visit.get(led(visit, door)).headers["location"] == "/console/login?failed=issuer"
    assert "did not say who you are" in visit.page("/console/login?failed=issuer")
    assert visit.get("/console/fleet").status_code == 303


def test_a_way_back_that_was_not_begun_here_leads_nowhere(door: Door, visit: Visit) -> None:
    back = led(visit, door)
    assert visit.get(f"{back}x").status_code == 400
    with visiting(door.address) as other:
        assert other.get(back).status_code == 400
    assert visit.get(back).status_code == 200
    assert visit.get(back).status_code == 400
    denied = led(visit, door).replace("code=", "error=access_denied&was=")
    assert visit.get(denied).headers["location"] == "/console/login?failed=issuer"


def test_another_verifier_is_refused_by_the_issuer_and_a_silent_issuer_is_told_as_such(door: Door, visit: Visit) -> None:
    first, second = led(visit, door), led(visit, door)
    code = dict(parse_qsl(urlsplit(first).query))["code"]
    swapped = second.replace(dict(parse_qsl(urlsplit(second).query))["code"], code)
    assert visit.get(swapped).headers["location"] == "/console/login?failed=issuer"
    door.provider.silent = True
    assert visit.get(led(visit, door)).status_code == 503


def test_nobody_is_led_to_another_site_afterwards(door: Door, visit: Visit) -> None:
    address = visit.get("/console/login/issuer?back=https%3A%2F%2Fevil.example").headers["location"]
    page = visit.get(door.provider.let_in(dict(parse_qsl(urlsplit(address).query)))).text
    assert "url=/console/fleet" in page


def test_what_is_remembered_is_ours_and_of_these_minutes() -> None:
    now = datetime.now(UTC)
    begun = Begun("state", "nonce", "verifier", "/console/fleet", now.isoformat())
    text = sealed(b"key", begun)
    assert opened(b"key", text, now) == begun
    for key, cookie, at in (
        (b"other", text, now),
        (b"key", f"x{text}", now),
        (b"key", text, now + timedelta(minutes=11)),
        (b"key", "", now),
    ):
        assert opened(key, cookie, at) is None


def test_without_a_client_there_is_no_way_to_the_issuer(shared: httpx.Client) -> None:
    assert shared.get(START).status_code == 404
    assert "Log in at" not in shared.get("/console/login").text


def test_a_browser_keeps_the_session_on_its_way_back_from_another_site(door: Door) -> None:
    door.provider.spoils, door.provider.silent = {}, False
    with browsing(component("chromium")) as browser, window(browser, door.address, Look("light", 1280)) as context:
        page = context.new_page()
        page.goto("/console/remedies")
        page.get_by_role("link", name="Log in at").click()
        expect(page.locator("h1")).to_have_text("Remedies")
