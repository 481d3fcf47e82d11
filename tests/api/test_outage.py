"""Postgres goes away, freezes and comes back: the gateway says so by name, loses nothing and needs no hand."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, make_url, text

from service.config import Settings
from service.store.embedded import embedded_postgres
from service.store.engine import open_engine
from service.store.migrate import migrate
from tests.api.serving import DICOM, make_settings, register, serving, until, until_loaded
from tests.callers import issue_test_key
from tests.films import make_film
from tests.proxy import Proxy, proxied

ASK = "/v1/models/chest/predictions"


@pytest.fixture
def broken(postgres_url: str, engine: Engine, settings: Settings, tmp_path: Path) -> Iterator[tuple[Proxy, httpx.Client]]:
    """A gateway that reaches its Postgres through a proxy."""
    with proxied(postgres_url) as (proxy, url):
        through = settings.model_copy(update={"database_url": url})
        register(engine, through, tmp_path / "package")
        with serving(through) as client:
            until_loaded(client)
            yield proxy, client


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("select count(*) from predictions")).scalar_one())


def ready(client: httpx.Client) -> bool:
    return client.get("/readyz").status_code == 200


def answered(client: httpx.Client) -> bool:
    return client.post(ASK, content=make_film(), headers=DICOM).status_code == 200


def check_outage(client: httpx.Client) -> None:
    """What everybody sees while Postgres is away, whatever the way in which it is away."""
    assert client.get("/livez").json() == {"status": "ok"}
    began = time.monotonic()
    reply = client.get("/readyz")
    assert time.monotonic() - began < 10, "readiness is bounded; this bound is loose because machines are slow"
    assert (reply.status_code, reply.json()["checks"]["postgres"]["ok"]) == (503, False)
    assert reply.json()["checks"]["models"]["ok"]
    for refused in (client.post(ASK, content=make_film(), headers=DICOM), client.get("/v1/models")):
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/unavailable")
        assert int(refused.headers["retry-after"]) >= 1
    assert client.get("/metrics").status_code == 200


def test_ready_names_each_dependency(client: httpx.Client) -> None:
    assert client.get("/readyz").json() == {
        "status": "ok",
        "checks": {"postgres": {"ok": True, "detail": "answers"}, "models": {"ok": True, "detail": "loaded: chest 1"}},
    }


def test_postgres_stopped_and_back(broken: tuple[Proxy, httpx.Client], engine: Engine) -> None:
    proxy, client = broken
    assert answered(client)
    proxy.stop()
    check_outage(client)
    assert rows(engine) == 1
    proxy.restore()
    until(lambda: ready(client) and answered(client))


def test_postgres_frozen_and_back(broken: tuple[Proxy, httpx.Client], engine: Engine) -> None:
    proxy, client = broken
    assert answered(client)
    proxy.freeze()
    check_outage(client)
    proxy.restore()
    until(lambda: ready(client) and answered(client))


def test_what_failed_meanwhile_is_written_down_afterwards(broken: tuple[Proxy, httpx.Client], engine: Engine) -> None:
    proxy, client = broken
    proxy.stop()
    assert client.post(ASK, content=make_film(), headers=DICOM).status_code == 503
    proxy.restore()

    def stored() -> list[str]:
        with engine.connect() as connection:
            return list(connection.scalars(text("select reason from refusals where outcome = 'failed'")))

    until(lambda: stored() == ["unavailable"])


def test_a_retry_after_an_outage_is_counted_once(broken: tuple[Proxy, httpx.Client], engine: Engine) -> None:
    proxy, client = broken
    film = make_film()
    proxy.stop()
    assert client.post(ASK, content=film, headers=DICOM).status_code == 503
    proxy.restore()
    until(lambda: client.post(ASK, content=film, headers=DICOM).status_code == 200)
    assert client.post(ASK, content=film, headers=DICOM).json()["replayed"]
    assert rows(engine) == 1


def processes(data_dir: Path) -> list[int]:
    """The server of a data folder and its children."""
    server = int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
    children = [path.parent.name for path in Path("/proc").glob("[0-9]*/stat") if parent(path) == server]
    return [server, *map(int, children)]


def parent(stat: Path) -> int:
    with suppress(OSError):
        return int(stat.read_text().rpartition(")")[2].split()[1])
    return 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the server's processes in /proc")
def test_a_real_server_is_frozen_thawed_stopped_and_started_again(data_dir: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(ExitStack())
        url = server.enter_context(embedded_postgres(data_dir))
        migrate(url)
        proxy, through = stack.enter_context(proxied(url))
        settings = make_settings(through, tmp_path)
        engine = open_engine(url)
        register(engine, settings, tmp_path / "package")
        engine.dispose()
        client = stack.enter_context(serving(settings))
        until_loaded(client)
        assert answered(client)
        frozen = processes(data_dir)
        for process in frozen:
            os.kill(process, signal.SIGSTOP)
        check_outage(client)
        for process in frozen:
            os.kill(process, signal.SIGCONT)
        until(lambda: ready(client) and answered(client))
        server.close()
        check_outage(client)
        again = stack.enter_context(embedded_postgres(data_dir))
        proxy.target = make_url(again).port or 0
        until(lambda: ready(client) and answered(client))


def test_a_gateway_that_starts_before_its_database_waits_for_it(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    issue_test_key(postgres_url)
    with proxied(postgres_url) as (proxy, url):
        proxy.stop()
        settings = make_settings(url, tmp_path)
        with serving(settings) as client:
            assert client.get("/livez").status_code == 200
            assert client.get("/readyz").status_code == 503
            proxy.restore()
            register(engine, settings, tmp_path / "package")
            until_loaded(client)
            assert answered(client)


def test_a_database_without_tables_is_named_with_its_remedy(empty_postgres_url: str, tmp_path: Path) -> None:
    with serving(make_settings(empty_postgres_url, tmp_path)) as client:
        until(lambda: client.get("/readyz").status_code == 503)
        assert "stepwedge migrate" in client.get("/readyz").json()["checks"]["postgres"]["detail"]


def test_without_any_model_the_gateway_is_ready_and_says_what_to_do(postgres_url: str, tmp_path: Path) -> None:
    with serving(make_settings(postgres_url, tmp_path)) as client:
        until(lambda: ready(client))
        assert "stepwedge register" in client.get("/readyz").json()["checks"]["models"]["detail"]


def test_a_broken_package_takes_only_itself_out_of_service(
    client: httpx.Client, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    register(engine, settings, tmp_path / "other", name="knee")
    for file in Path(settings.object_folder).glob("models/knee/*/weights.safetensors"):
        file.write_bytes(b"damaged")
    refused = partial(client.post, "/v1/models/knee/predictions", content=make_film(), headers=DICOM)
    until(lambda: refused().status_code == 503)
    assert refused().json()["type"] == "/problems/unavailable", "it is registered, so the caller may come back"
    assert "knee 1" in client.get("/readyz").json()["checks"]["models"]["detail"]
    assert ready(client)
    assert answered(client)
