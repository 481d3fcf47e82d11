"""A gateway that starts while Postgres is away goes by what it knew last: it answers, and what was revoked ends when Postgres is back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
from sqlalchemy import Engine, text

from service.access import Role
from service.config import Settings
from service.gateway.api_key import new_key
from service.gateway.last_known import FILE
from service.store.api_keys import revoke
from tests.api.serving import DICOM, killed, process, register, until, until_loaded
from tests.callers import issue
from tests.films import make_film, phantom
from tests.proxy import Proxy, proxied
from tests.store.builders import AT

ASK = "/v1/models/chest/predictions"


def known_last(settings: Settings, log: Path, proxy: Proxy) -> None:
    """A gateway that wrote down what it knows, and then was killed together with Postgres."""
    with killed(settings, log) as client:
        until_loaded(client)
        until((settings.data_dir / FILE).exists)
        proxy.stop()


def answers(client: httpx.Client) -> bool:
    return client.get("/readyz", params={"exclude": "postgres"}).status_code == 200


def test_it_answers_into_the_spool_and_a_revoked_key_ends_with_the_outage(
    postgres_url: str, settings: Settings, engine: Engine, tmp_path: Path
) -> None:
    bearer = {**DICOM, **issue(postgres_url, "pacs", [Role.PREDICT])}
    with proxied(postgres_url) as (proxy, url):
        through = settings.model_copy(update={"database_url": url, "data_dir": tmp_path / "data", "anonymous_may": ""})
        register(engine, through, tmp_path / "package")
        known_last(through, tmp_path / "first.log", proxy)
        with engine.begin() as connection:
            revoke(connection, "pacs", AT)
        with process(through, tmp_path / "second.log") as (_, client):
            until(lambda: answers(client), 60)
            reply = client.post(ASK, content=make_film(), headers=bearer)
            assert (reply.status_code, reply.json()["recorded"]) == (200, "spool")
            unknown = client.post(ASK, content=make_film(phantom(seed=1)), headers={**DICOM, "Authorization": f"Bearer {new_key()}"})
            assert unknown.status_code == 401
            said = client.get("/readyz").json()["checks"]
            assert (said["postgres"]["ok"], said["models"]["ok"]) == (False, True)
            assert "keys and models are those of" in said["postgres"]["detail"]
            assert "stepwedge_last_known_age_seconds 0.0\n" not in client.get("/metrics").text
            proxy.restore()
            until(lambda: client.post(ASK, content=make_film(phantom(seed=2)), headers=bearer).status_code == 401, 60)
            until(lambda: stored(engine) >= 1, 60)
            until(lambda: client.get("/readyz").status_code == 200, 60)
            assert "stepwedge_last_known_age_seconds 0.0\n" in client.get("/metrics").text


def stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("select count(*) from predictions")).scalar_one())


def test_a_file_that_somebody_else_wrote_lets_nobody_in(postgres_url: str, settings: Settings, engine: Engine, tmp_path: Path) -> None:
    bearer = {**DICOM, **issue(postgres_url, "pacs", [Role.PREDICT])}
    with proxied(postgres_url) as (proxy, url):
        through = settings.model_copy(update={"database_url": url, "data_dir": tmp_path / "data", "anonymous_may": ""})
        register(engine, through, tmp_path / "package")
        known_last(through, tmp_path / "first.log", proxy)
        path = through.data_dir / FILE
        path.write_bytes(path.read_bytes().replace(b'"predict"', b'"operate"'))
        log = tmp_path / "second.log"
        with process(through, log, code=-signal.SIGKILL) as (pid, client):
            until(lambda: "last_known_is_not_ours" in log.read_text(), 60)
            reply = client.post(ASK, content=make_film(), headers=bearer)
            assert (reply.status_code, reply.json()["type"]) == (503, "/problems/unavailable")
            os.kill(pid, signal.SIGKILL)
