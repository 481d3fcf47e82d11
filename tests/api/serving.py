"""A gateway as it runs in production, on a free port, in this process or in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import SecretStr
from sqlalchemy import Engine

from service.cli.serving import server_for
from service.config import Settings
from service.models.registry import register_package
from tests.api.package import make_package
from tests.callers import AUTHORIZED, issue_test_key
from tests.ports import free_port

KEY = "a key that is only used in tests 0123456789"
GUESTS = "predict,label,read"
GATEWAY = ("-m", "service", "gateway")
DICOM = {"Content-Type": "application/dicom"}


def make_settings(url: str, folder: Path, **changes: object) -> Settings:
    values = {
        "database_url": url,
        "data_dir": folder,
        "port": free_port(),
        "pseudonym_key": SecretStr(KEY),
        "anonymous_may": GUESTS,
        **changes,
    }
    return Settings.model_validate(values)


def register(engine: Engine, settings: Settings, folder: Path, **package: object) -> None:
    """Register a package as its model's champion."""
    made = make_package(folder, **package)  # type: ignore[arg-type] # handed through
    register_package(engine, settings.object_folder, made, at=datetime.now(UTC))


@contextmanager
def serving(settings: Settings) -> Iterator[httpx.Client]:
    """A client of a gateway that runs in a thread until the block ends."""
    issue_test_key(str(settings.database_url))
    server = server_for(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", headers=AUTHORIZED, timeout=60, trust_env=False) as client:
            until(lambda: server.started or not thread.is_alive())
            yield client
    finally:
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive(), "the gateway did not stop"


def until(condition: object, seconds: float = 60.0) -> None:
    """Wait for something that happens by itself soon."""
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator] # a callable
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        time.sleep(0.02)


def until_loaded(client: httpx.Client, model: str = "chest", version: str = "1") -> None:
    def loaded() -> bool:
        reply = client.get(f"/v1/models/{model}")
        return reply.status_code == 200 and reply.json()["loaded"] and reply.json()["version"] == version

    until(loaded)


@contextmanager
def killed(settings: Settings, log: Path) -> Iterator[httpx.Client]:
    """The same, ended by kill -9."""
    with process(settings, log, code=-signal.SIGKILL) as (pid, client):
        yield client
        os.kill(pid, signal.SIGKILL)


@contextmanager
def process(
    settings: Settings, log: Path, code: int = 0, program: Sequence[str] = GATEWAY, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[int, httpx.Client]]:
    """A gateway as a process of its own, which writes into `log`: its id and a client. It ends with `code`; `environment` is added to ours."""
    around = {
        **os.environ,
        "DATABASE_URL": str(settings.database_url),
        "STEPWEDGE_DATA_DIR": str(settings.data_dir),
        "STEPWEDGE_PORT": str(settings.port),
        "STEPWEDGE_PSEUDONYM_KEY": KEY,
        "STEPWEDGE_EXPORT_MEASUREMENTS": "true",
        "STEPWEDGE_MAX_BODY_BYTES": str(settings.max_body_bytes),
        "STEPWEDGE_ANONYMOUS_MAY": settings.anonymous_may,
        **(environment or {}),
    }
    issue_test_key(str(settings.database_url))
    with log.open("wb") as sink:
        gateway = subprocess.Popen([sys.executable, *program], env=around, stdout=sink, stderr=sink)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", headers=AUTHORIZED, timeout=60, trust_env=False) as client:
                until(lambda: answers(client) or gateway.poll() is not None, 60)
                yield gateway.pid, client
        finally:
            gateway.terminate()
            ended = gateway.wait(60)
    assert ended == code, log.read_text()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False
