"""From a shift to the person on call: gateway, worker, Prometheus and Alertmanager as they run, with our own rules and example routing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import Engine

from service.domain import ModelVersion
from service.worker.reference import build_reference
from tests.api.serving import until
from tests.callers import AUTHORIZED
from tests.components import component
from tests.dashboards.expressions import FOLDER
from tests.ports import free_port
from tests.running import running_gateway
from tests.worker import hospital
from tests.worker.receiver import Receiver, receiving

REFERENCE_DAYS, QUIET_DAYS, SHIFTED_DAYS = 40, 5, 2
PATIENCE_S = 60.0


@pytest.fixture
def shifted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    """A hospital whose southern scanner was exchanged the day before yesterday; no worker has looked yet."""
    days = REFERENCE_DAYS + QUIET_DAYS + SHIFTED_DAYS
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    monkeypatch.setattr(hospital, "FIRST", first)
    version = hospital.make_version(engine)
    hospital.send_days(engine, version, 0, REFERENCE_DAYS)
    build_reference(engine, version, first, hospital.day(REFERENCE_DAYS), at=hospital.day(REFERENCE_DAYS))
    hospital.send_days(engine, version, REFERENCE_DAYS, QUIET_DAYS)
    hospital.send_days(engine, version, REFERENCE_DAYS + QUIET_DAYS, SHIFTED_DAYS, hospital.Stream(scanner="Gamma", kvp=9.0))
    return version


@contextmanager
def program(name: str, *arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until the block ends."""
    with log.open("wb") as sink, subprocess.Popen([str(component(name)), *arguments], stdout=sink, stderr=sink) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def worker(database_url: str, folder: Path, port: int, webhook: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker as it runs in production, which looks once a second."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "STEPWEDGE_DATA_DIR": str(folder),
        "STEPWEDGE_WORKER_PORT": str(port),
        "STEPWEDGE_WORKER_INTERVAL_S": "1",
        "STEPWEDGE_WEBHOOK_URL": webhook,
        "STEPWEDGE_WEBHOOK_SECRET": "a secret that only this test knows, long enough",
    }
    with (folder / "worker.log").open("wb") as sink:
        process = subprocess.Popen([sys.executable, "-m", "service", "worker"], env=environment, stdout=sink, stderr=sink)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def hurried(rules: Path, folder: Path) -> Path:
    """Our rules, but what they wait for is waited for already."""
    text = re.sub(r"^ +(for|keep_firing_for): .*\n", "", rules.read_text(), flags=re.MULTILINE)
    copy = folder / "rules.yaml"
    copy.write_text(text)
    return copy


def prometheus_config(folder: Path, gateway: str, worker_port: int, alertmanager_port: int) -> Path:
    """Our example, pointed at the processes of this test and in a hurry."""
    config = yaml.safe_load((FOLDER / "prometheus" / "prometheus.yml").read_text())
    config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(hurried(FOLDER / "rules" / "stepwedge.rules.yaml", folder))]
    targets = {"stepwedge-gateway": gateway.removeprefix("http://"), "stepwedge-worker": f"127.0.0.1:{worker_port}"}
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]
    return written(config, folder / "prometheus.yml")


def alertmanager_config(folder: Path, gateway: str, on_call: str) -> Path:
    """Our example, pointed at the gateway and at the person on call of this test."""
    config = yaml.safe_load((FOLDER / "alertmanager" / "alertmanager.yml").read_text())
    key = folder / "stepwedge-key"
    key.write_text(AUTHORIZED["Authorization"].split()[1])
    addresses = {"stepwedge": f"{gateway}/v1/alerts", "on-call": on_call, "tickets": on_call}
    config["route"] |= {"group_wait": "0s", "group_interval": "1s"}
    for route in config["route"]["routes"]:
        route["group_wait"] = "0s"
    for receiver in config["receivers"]:
        for hook in receiver["webhook_configs"]:
            hook["url"] = addresses[receiver["name"]]
            hook["http_config"]["authorization"]["credentials_file"] = str(key)
    return written(config, folder / "alertmanager.yml")


def written(config: Mapping[str, Any], path: Path) -> Path:
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def watched(folder: Path, gateway: str, worker_port: int, on_call: str) -> Iterator[None]:
    """Prometheus and Alertmanager beside the gateway."""
    manager_port = free_port()
    manager = alertmanager_config(folder, gateway, on_call)
    config = prometheus_config(folder, gateway, worker_port, manager_port)
    with (
        program(
            "prometheus-alertmanager",
            f"--config.file={manager}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{manager_port}",
            "--cluster.listen-address=",
            log=folder / "alertmanager.log",
        ),
        program(
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            "--web.listen-address=127.0.0.1:0",
            log=folder / "prometheus.log",
        ),
    ):
        yield


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def told(on_call: Receiver) -> list[str]:
    """Names of the alerts that reached the person on call, in the order they came."""
    return [
        alert["labels"]["alertname"] for body in on_call.bodies for alert in yaml.safe_load(body)["alerts"] if alert["status"] == "firing"
    ]


def test_a_shift_reaches_the_person_on_call_and_its_alert_comes_back_to_its_alarm(
    shifted: ModelVersion, postgres_url: str, tmp_path: Path
) -> None:
    port = free_port()
    with (
        ExitStack() as stack,
        receiving() as remedies,
        receiving() as on_call,
        running_gateway(postgres_url, tmp_path) as gateway,
        httpx.Client(base_url=gateway, headers=AUTHORIZED, trust_env=False) as client,
        worker(postgres_url, tmp_path, port, remedies.url) as watcher,
    ):
        until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), PATIENCE_S)
        stack.enter_context(watched(tmp_path, gateway, port, on_call.url))

        def alerts(name: str) -> list[dict[str, Any]]:
            return [one for one in client.get("/v1/alerts").json() if one["labels"]["alertname"] == name]

        until(lambda: alerts("StepwedgeModelAlarm"), PATIENCE_S)
        (alarm,) = client.get(f"/v1/models/{shifted.model}/alarms").json()
        assert (alarm["kind"], alarm["subgroup"], alarm["cleared_at"]) == ("acquisition", "site=south", None)
        (alert,) = alerts("StepwedgeModelAlarm")
        assert alert["alarm"] == alarm["id"]
        assert len(client.get(f"/v1/models/{shifted.model}/remedies").json()) == 1
        until(lambda: remedies.bodies and "StepwedgeModelAlarm" in told(on_call), PATIENCE_S)
        assert len(set(remedies.ids)) == 1
        assert "StepwedgeWorkerGone" not in told(on_call)

        watcher.send_signal(signal.SIGKILL)
        until(lambda: "StepwedgeWorkerGone" in told(on_call), PATIENCE_S)
    assert len(remedies.bodies) == 1, "one request for a remedy, however often the alert was sent"
    assert told(on_call).count("StepwedgeModelAlarm") == 1
