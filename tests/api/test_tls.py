"""TLS, and who is let in by it: half a configuration is none, and old protocols are not spoken."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from service.cli import checks
from service.cli.serving import certificate_of, server_for
from service.config import Settings
from service.diagnosis.result import Health
from service.errors import SetupError
from tests.api.serving import make_settings, until
from tests.certificates import Pair, make_pair


@pytest.fixture
def authority(tmp_path: Path) -> Pair:
    return make_pair(tmp_path / "tls", "authority")


@pytest.fixture
def own(tmp_path: Path, authority: Pair) -> Pair:
    return make_pair(tmp_path / "tls", "gateway", authority)


@contextmanager
def secure(settings: Settings) -> Iterator[str]:
    server = server_for(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"https://127.0.0.1:{settings.port}"
    server.should_exit = True
    thread.join(60)


def trusting(authority: Pair, client: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    return context


def test_the_gateway_speaks_tls_and_the_doctor_finds_it(postgres_url: str, tmp_path: Path, own: Pair, authority: Pair) -> None:
    settings = make_settings(postgres_url, tmp_path, tls_certificate=own.certificate, tls_key=own.key)
    with secure(settings) as address:
        with httpx.Client(verify=trusting(authority), trust_env=False) as client:
            assert client.get(f"{address}/livez").status_code == 200
            with pytest.raises(httpx.TransportError):
                client.get(f"{address.replace('https', 'http')}/livez")
            until(lambda: client.get(f"{address}/readyz").status_code == 200)
        assert checks.gateway(settings).health is Health.OK
        old = trusting(authority)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", settings.port)) as plain, old.wrap_socket(plain, server_hostname="127.0.0.1") as spoken:
            assert spoken.version() == "TLSv1.2"
            assert (spoken.cipher() or ("",))[0].startswith("ECDHE")
        assert server_minimum(settings) is ssl.TLSVersion.TLSv1_2


def server_minimum(settings: Settings) -> ssl.TLSVersion:
    context = server_for(settings).config.ssl
    assert context is not None
    return context.minimum_version


def test_only_who_has_a_certificate_of_the_authority_is_let_in(postgres_url: str, tmp_path: Path, own: Pair, authority: Pair) -> None:
    files = {"tls_certificate": own.certificate, "tls_key": own.key, "tls_client_ca": authority.certificate}
    settings = make_settings(postgres_url, tmp_path, anonymous_may="", **files)
    pacs, stranger = make_pair(tmp_path, "pacs", authority), make_pair(tmp_path, "stranger")
    with secure(settings) as address:
        with httpx.Client(verify=trusting(authority, pacs), trust_env=False) as client:
            assert client.get(f"{address}/livez").status_code == 200
            assert client.get(f"{address}/v1/models").status_code in {401, 503}, "a certificate lets in; what one may do, the key says"
        for context in (trusting(authority), trusting(authority, stranger)):
            with httpx.Client(verify=context, trust_env=False) as client, pytest.raises(httpx.TransportError):
                client.get(f"{address}/livez")


def test_half_of_a_configuration_is_refused(tmp_path: Path, own: Pair, authority: Pair) -> None:
    broken = tmp_path / "broken"
    broken.write_text("no certificate")
    for changes in (
        {"tls_certificate": own.certificate},
        {"tls_key": own.key},
        {"tls_client_ca": authority.certificate},
        {"tls_certificate": own.certificate, "tls_key": authority.key},
        {"tls_certificate": own.certificate, "tls_key": own.key, "tls_client_ca": broken},
        {"tls_certificate": tmp_path / "none", "tls_key": own.key},
    ):
        with pytest.raises(SetupError, match="TLS"):
            certificate_of(Settings.model_validate(changes))
    assert certificate_of(Settings()) == {}
