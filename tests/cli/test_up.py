"""One command starts everything, and nothing of it stays behind, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
from pathlib import Path

import httpx
import pytest

from service.cli.secret_files import own_key
from tests.api.package import make_package
from tests.api.serving import DICOM, until
from tests.cli.running import alive, descendants, failure, stepwedge, up
from tests.films import make_film
from tests.ports import free_port

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


@linux
def test_a_film_is_answered_and_ctrl_c_stops_everything(data_dir: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with up(data_dir, log) as (process, address), httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        settings = {"STEPWEDGE_PORT": address.rpartition(":")[2]}
        key = (data_dir / "api.key").read_text()
        assert key in log.read_text()
        assert client.get("/v1/models").status_code == 401
        client.headers["Authorization"] = f"Bearer {key}"
        said = stepwedge("register", str(make_package(tmp_path / "package")), data_dir=data_dir, **settings)
        assert said.returncode == 0, said.stderr
        assert f"{address}/v1/models/chest" in said.stdout
        until(lambda: client.get("/v1/models/chest").json().get("loaded") is True)
        assert client.post("/v1/models/chest/predictions", content=make_film(), headers=DICOM).status_code == 200
        played = {**DICOM, "Stepwedge-Received-At": "2026-03-02T09:10:00Z"}
        assert client.post("/v1/models/chest/predictions", content=make_film(), headers=played).status_code == 403
        examined = stepwedge("doctor", data_dir=data_dir, **settings)
        assert "received 2 = recorded 1 + replayed 0 + spooled 0 + unrecorded 0 + refused 1" in examined.stdout
        children = descendants(process.pid)
        assert len(children) >= 3
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert log.read_text().rstrip().endswith("Stopped.")
    until(lambda: not alive(children))


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_it_when_it_is_terminated_or_killed(data_dir: Path, tmp_path: Path, number: signal.Signals) -> None:
    with up(data_dir, tmp_path / "log") as (process, address):
        until(lambda: len(descendants(process.pid)) >= 3)
        children = descendants(process.pid)
        process.send_signal(number)
        process.wait(60)
        until(lambda: not alive(children), 60)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{address}/livez", trust_env=False)


@linux
def test_a_part_that_dies_takes_everything_down_and_is_named(data_dir: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with up(data_dir, log) as (process, _):
        children = descendants(process.pid)
        gateway = next(pid for pid in children if b"gateway" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(gateway, signal.SIGKILL)
        assert process.wait(60) == 1
        until(lambda: not alive(children))
    assert "`stepwedge gateway` ended with code -9" in log.read_text()


def test_a_taken_port_is_said_before_anything_is_started(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = failure(stepwedge("up", data_dir=data_dir, STEPWEDGE_PORT=port))
        assert port in line
        assert "STEPWEDGE_PORT" in line
        other = failure(stepwedge("up", data_dir=data_dir, STEPWEDGE_PORT=str(free_port()), STEPWEDGE_WORKER_PORT=port))
        assert "STEPWEDGE_WORKER_PORT" in other
    assert list(data_dir.iterdir()) == []


def test_the_key_of_a_laptop_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = own_key(tmp_path).read_text()
    assert len(first) == 64
    assert own_key(tmp_path).read_text() == first
    assert stat.S_IMODE(own_key(tmp_path).stat().st_mode) == 0o600
    assert own_key(tmp_path / "other").read_text() != first
