"""Tokens of an OIDC issuer open what their roles say; forged, expired and foreign ones open nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import Engine

from service.app import open_issuer
from service.config import Settings
from service.errors import SetupError
from service.gateway import issuer as issuer_module
from tests.api.serving import make_settings, register, serving, until, until_loaded
from tests.api.test_problems import check
from tests.issuer import AUDIENCE, FakeIssuer, fake_issuer

FOREIGN = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with fake_issuer() as issuer:
        yield issuer


@pytest.fixture
def stranger(issuer: FakeIssuer, postgres_url: str, engine: Engine, tmp_path: Path) -> Iterator[httpx.Client]:
    """Somebody without a key, before a gateway that trusts the issuer."""
    settings = make_settings(postgres_url, tmp_path, anonymous_may="", oidc_issuer=issuer.address, oidc_audience=AUDIENCE)
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client, httpx.Client(base_url=client.base_url, timeout=60, trust_env=False) as stranger:
        until_loaded(client)
        until(lambda: ask(stranger, issuer.token()).status_code == 200)
        yield stranger


def ask(client: httpx.Client, token: str) -> httpx.Response:
    return client.get("/v1/models", headers={"Authorization": f"Bearer {token}"})


def test_a_good_token_opens_what_its_roles_say(stranger: httpx.Client, issuer: FakeIssuer) -> None:
    assert ask(stranger, issuer.token("curve")).status_code == 200
    assert ask(stranger, issuer.token(roles="stepwedge-read other")).status_code == 200
    body = check(ask(stranger, issuer.token(roles=["stepwedge-predict", "read"])), 403, "forbidden")
    assert "zimmermann" not in str(body).lower()
    assert ask(stranger, issuer.token(roles=None)).status_code == 403
    assert ask(stranger, issuer.token(roles={"read": True})).status_code == 403
    assert "zimmermann" not in stranger.get("/metrics").text


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": timedelta(minutes=-5)},
        {"nbf": timedelta(minutes=5)},
        {"iat": timedelta(minutes=5)},
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://login.example"},
        {"iss": None},
        {"exp": None},
        {"sub": None},
        {"key": FOREIGN},
        {"key": FOREIGN, "kid": "curve"},
    ],
)
def test_a_token_that_is_not_good_opens_nothing(stranger: httpx.Client, issuer: FakeIssuer, claims: dict[str, Any]) -> None:
    check(ask(stranger, issuer.token(**claims)), 401, "unauthenticated")


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def test_the_public_key_is_no_secret_and_no_signature_is_none(stranger: httpx.Client, issuer: FakeIssuer) -> None:
    payload = issuer.token().split(".")[1]
    for algorithm in ("HS256", "none", "NONE", "RS512", "ES256", ""):
        unsigned = f"{part({'alg': algorithm, 'kid': 'first', 'typ': 'JWT'})}.{payload}"
        signature = hmac.digest(issuer.public_pem("first"), unsigned.encode(), hashlib.sha256)
        forged = f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        for token in (forged, f"{unsigned}."):
            check(ask(stranger, token), 401, "unauthenticated")


def test_a_token_without_a_key_s_name_or_with_garbage_opens_nothing(stranger: httpx.Client, issuer: FakeIssuer) -> None:
    payload, signature = issuer.token().split(".")[1:]
    headers: list[object] = [{"alg": "RS256"}, {"alg": "RS256", "kid": 7}, {"alg": "RS256", "kid": "first", "crit": ["x"]}, [], "x"]
    for header in headers:
        check(ask(stranger, f"{part(header)}.{payload}.{signature}"), 401, "unauthenticated")
    for token in ("a.b.c", "..", "a.b", issuer.token()[:-4] + "AAAA"):
        check(ask(stranger, token), 401, "unauthenticated")


def test_a_new_key_is_looked_for_and_no_more_often_than_is_good(
    stranger: httpx.Client, issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_module, "AT_MOST_EVERY_S", 2.0)
    issuer.keys = {"second": rsa.generate_private_key(65537, 2048)}
    token = issuer.token("second")
    until(lambda: ask(stranger, token).status_code == 200)
    assert ask(stranger, issuer.token("second", kid="first", key=FOREIGN)).status_code in {401, 503}
    before, began = issuer.fetches, time.monotonic()
    for _ in range(50):
        assert ask(stranger, issuer.token("second", kid="unheard-of")).status_code in {401, 503}
    assert issuer.fetches <= before + 2 + (time.monotonic() - began) / issuer_module.AT_MOST_EVERY_S
    assert ask(stranger, token).status_code == 200


def test_while_the_issuer_is_down_known_keys_go_on(stranger: httpx.Client, issuer: FakeIssuer) -> None:
    issuer.down = True
    issuer.keys["second"] = rsa.generate_private_key(65537, 2048)
    assert ask(stranger, issuer.token()).status_code == 200
    assert ask(stranger, issuer.token("second")).status_code in {401, 503}


def test_before_the_issuer_was_ever_reached_the_answer_is_come_back(postgres_url: str, tmp_path: Path, issuer: FakeIssuer) -> None:
    issuer.down = True
    settings = make_settings(postgres_url, tmp_path, oidc_issuer=issuer.address, oidc_audience=AUDIENCE)
    with serving(settings) as client:
        check(ask(client, issuer.token()), 503, "unavailable")
        issuer.down = False
        until(lambda: ask(client, issuer.token()).status_code == 200)


@pytest.mark.parametrize(
    "changes",
    [{"oidc_issuer": "https://login.example"}, {"oidc_audience": "x"}, {"oidc_issuer": "http://login.example", "oidc_audience": "x"}],
)
def test_half_of_a_configuration_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(SetupError, match="STEPWEDGE_OIDC"):
        open_issuer(Settings.model_validate(changes), b"k" * 32)
