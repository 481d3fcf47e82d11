"""Postgres goes away, freezes and comes back: the gateway says so by name, loses nothing and needs no hand."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
from tests.api.serving import DICOM, killed, make_settings, register, serving, until, until_loaded
from tests.callers import issue_test_key
from tests.films import make_film
from tests.ports import free_port
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
    assert (reply.status_code, reply.json()["status"], reply.json()["checks"]["postgres"]["ok"]) == (503, "degraded", False)
    assert client.get("/readyz", params={"exclude": "postgres"}).status_code == 200, "a load balancer goes on sending: the spool takes it"
    assert reply.json()["checks"]["models"]["ok"]
    film = make_film()
    first = client.post(ASK, content=film, headers=DICOM)
    assert (first.status_code, first.json()["recorded"], first.json()["replayed"]) == (200, "spool", False)
    began = time.monotonic()
    again = client.post(ASK, content=film, headers=DICOM)
    assert time.monotonic() - began < 1.5, "only the first request of an outage waits to find out"
    assert (again.json()["id"], again.json()["recorded"], again.json()["replayed"]) == (first.json()["id"], "spool", True)
    assert client.get(f"/v1/predictions/{first.json()['id']}").json()["recorded"] == "spool"
    refused = client.get("/v1/models")
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/unavailable")
    assert int(refused.headers["retry-after"]) >= 1
    assert client.get("/metrics").status_code == 200


def test_ready_names_each_dependency(client: httpx.Client) -> None:
    assert client.get("/readyz").json() == {
        "status": "ok",
        "checks": {
            "postgres": {"ok": True, "detail": "answers"},
            "spool": {"ok": True, "detail": "empty"},
            "models": {"ok": True, "detail": "loaded: chest 1"},
        },
    }


def test_postgres_stopped_and_back(broken: tuple[Proxy, httpx.Client], engine: Engine) -> None:
    proxy, client = broken
    assert answered(client)
    proxy.stop()
    check_outage(client)
    assert rows(engine) == 1
    proxy.restore()
    until(lambda: rows(engine) == 2)
    until(lambda: ready(client) and answered(client))


def test_postgres_frozen_and_back(broken: tuple[Proxy, httpx.Client], engine: Engine) -> None:
    proxy, client = broken
    assert answered(client)
    proxy.freeze()
    check_outage(client)
    proxy.restore()
    until(lambda: rows(engine) == 2)
    until(lambda: ready(client) and answered(client))


def test_what_failed_meanwhile_is_written_down_afterwards(broken: tuple[Proxy, httpx.Client], engine: Engine) -> None:
    proxy, client = broken
    proxy.stop()
    assert client.post(ASK, content=b"garbage", headers=DICOM).status_code == 400
    proxy.restore()

    def stored() -> list[str]:
        with engine.connect() as connection:
            return list(connection.scalars(text("select reason from refusals")))

    until(lambda: stored() == ["undecodable"])


def test_a_retry_after_an_outage_is_counted_once(broken: tuple[Proxy, httpx.Client], engine: Engine) -> None:
    proxy, client = broken
    film = make_film()
    proxy.stop()
    first = client.post(ASK, content=film, headers=DICOM).json()
    proxy.restore()
    until(lambda: rows(engine) == 1)
    again = client.post(ASK, content=film, headers=DICOM).json()
    assert (again["id"], again["replayed"]) == (first["id"], True)
    assert rows(engine) == 1


@pytest.mark.parametrize("rule", ["fail_closed", "serve_unrecorded"])
def test_with_the_disk_gone_too_the_sites_own_rule_holds(
    rule: str, postgres_url: str, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    status = 200 if rule == "serve_unrecorded" else 503
    (tmp_path / "in the way").write_text("")
    changes = {"spool": tmp_path / "in the way" / "spool", "unrecordable": rule}
    with proxied(postgres_url) as (proxy, url):
        through = settings.model_copy(update={"database_url": url, **changes})
        register(engine, through, tmp_path / "package")
        with serving(through) as client:
            until_loaded(client)
            proxy.stop()
            reply = client.post(ASK, content=make_film(), headers=DICOM)
            assert reply.status_code == status
            if status == 200:
                assert reply.json()["recorded"] == "no"
            else:
                assert reply.json()["type"] == "/problems/unavailable"
                assert int(reply.headers["retry-after"]) >= 1
            assert client.get("/readyz").status_code == 503
            metrics = client.get("/metrics").text
    assert f'stepwedge_requests_unrecorded_total{{model="chest"}} {float(status == 200)}' in metrics
    assert rows(engine) == 0


def test_a_gateway_that_was_killed_in_an_outage_leaves_its_answers_to_the_next(
    postgres_url: str, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    with proxied(postgres_url) as (proxy, url):
        through = settings.model_copy(update={"database_url": url})
        register(engine, through, tmp_path / "package")
        with killed(through, tmp_path / "first.log") as client:
            until_loaded(client)
            proxy.stop()
            ids = {client.post(ASK, content=make_film(), headers=DICOM).json()["id"] for _ in range(5)}
        proxy.restore()
    with serving(settings.model_copy(update={"port": free_port()})):
        until(lambda: rows(engine) == 5)
    with engine.connect() as connection:
        assert {str(one) for one in connection.scalars(text("select id from predictions"))} == ids
    assert not list((tmp_path / "spool").glob("*/*.seg"))


def test_a_film_at_two_gateways_at_once_is_one_prediction(client: httpx.Client, engine: Engine, settings: Settings) -> None:
    films = [make_film(SOPInstanceUID=f"1.2.3.{number}") for number in range(8)]
    with serving(settings.model_copy(update={"port": free_port()})) as other, ThreadPoolExecutor(16) as pool:
        until_loaded(other)

        def ask(gateway: httpx.Client, film: bytes) -> str:
            return str(gateway.post(ASK, content=film, headers=DICOM).json()["id"])

        told = [[pool.submit(ask, gateway, film) for gateway in (client, other)] for film in films]
        assert all(one.result() == two.result() for one, two in told)
    assert rows(engine) == len(films)


def test_a_study_sent_again_says_whose_place_it_takes(client: httpx.Client) -> None:
    study = "1.2.3.4"
    first, second = (
        client.post(ASK, content=make_film(StudyInstanceUID=study, SOPInstanceUID=f"{study}.{number}"), headers=DICOM).json()
        for number in range(2)
    )
    lateral = client.post(ASK, content=make_film(StudyInstanceUID=study, ViewPosition="LL"), headers=DICOM).json()
    assert (first["revises"], second["revises"], lateral["revises"]) == (None, first["id"], None)
    assert client.get(f"/v1/predictions/{second['id']}").json()["revises"] == first["id"]


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
