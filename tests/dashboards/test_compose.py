"""docker-compose.yaml, as far as it can be tried without Docker: what it names exists, and its configurations are the examples."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from typer.main import get_group

from service.cli.program import app
from service.config import Settings
from tests.dashboards.expressions import FOLDER
from tests.dashboards.test_examples import run
from tests.helm.chart import CHART, ROOT

PLACE = FOLDER / "compose"
FILE = yaml.safe_load((PLACE / "docker-compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = ("migrate", "gateway", "worker")
MOUNTED_AT = "/etc/stepwedge"


def inside(path: str) -> str:
    """A path in the container where dashboards/ is mounted, as a path in dashboards/."""
    return path.removeprefix(f"{MOUNTED_AT}/")


def test_everything_that_is_needed_runs() -> None:
    assert set(SERVICES) == {"postgres", "migrate", "gateway", "worker", "prometheus", "alertmanager", "grafana"}


def test_every_image_is_named_with_a_version_that_stays() -> None:
    for service in SERVICES.values():
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?", service["image"]), service["image"]
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert {SERVICES[name]["image"] for name in OURS} == {f"stepwedge:{version}"}


@pytest.mark.parametrize("name", OURS)
def test_what_is_called_and_set_is_known(name: str) -> None:
    service = SERVICES[name]
    assert service["command"][0] in get_group(app).commands
    known = {f"STEPWEDGE_{field.upper()}" for field in Settings.model_fields}
    assert set(service["environment"]) <= known
    assert "DATABASE_URL" in service["entrypoint"][-1]


def test_what_is_mounted_exists() -> None:
    for service in SERVICES.values():
        for source, target, *_ in (volume.split(":") for volume in service.get("volumes", ())):
            assert source in FILE["volumes"] or ((PLACE / source).is_dir() and target == MOUNTED_AT), source
        for secret in service.get("secrets", ()):
            assert (secret if isinstance(secret, str) else secret["source"]) in FILE["secrets"]


def test_what_the_service_keeps_lies_where_its_image_lets_its_user_write() -> None:
    folder = re.search(r"STEPWEDGE_DATA_DIR=(\S+)", (ROOT / "helm" / "Dockerfile").read_text())
    assert folder
    assert all(SERVICES[name]["volumes"] == [f"data:{folder[1]}"] for name in OURS)


def test_paths_in_the_containers_lie_in_what_is_mounted() -> None:
    named = [word for service in SERVICES.values() for word in (*service.get("command", ()), *service.get("environment", {}).values())]
    paths = [found[0] for word in named for found in re.finditer(rf"{MOUNTED_AT}\S*", word)]
    assert len(paths) >= 4
    assert [path for path in paths if not (FOLDER / inside(path)).exists()] == []


def test_every_secret_is_told_of_at_the_top_and_none_is_written_down() -> None:
    head = (PLACE / "docker-compose.yaml").read_text().partition("name: stepwedge")[0]
    assert all(f"secrets/{name}" in head for name in FILE["secrets"])
    assert all(secret == {"file": f"secrets/{name}"} for name, secret in FILE["secrets"].items())
    assert not (PLACE / "secrets").exists()


def test_the_ports_are_those_of_the_service_and_open_to_this_machine_only() -> None:
    defaults = Settings.model_fields
    assert SERVICES["gateway"]["ports"] == [f"127.0.0.1:{defaults['port'].default}:{defaults['port'].default}"]
    assert all(port.startswith("127.0.0.1:") for service in SERVICES.values() for port in service.get("ports", ()))
    assert "ports" not in SERVICES["postgres"]


@pytest.mark.parametrize(("program", "name"), [("prometheus", "prometheus.yml"), ("alertmanager", "alertmanager.yml")])
def test_a_configuration_is_the_example_with_the_names_of_the_services(program: str, name: str) -> None:
    text = (PLACE / name).read_text()
    hosts = {"gateway:8000": "127.0.0.1:8000", "worker:8001": "127.0.0.1:8001", "alertmanager:9093": "127.0.0.1:9093"}
    assert {host.partition(":")[0] for host in hosts if host in text} <= set(SERVICES)
    for here, there in hosts.items():
        text = text.replace(here, there)
    text = text.replace("http://127.0.0.1:3000", "https://grafana.hospital.example")
    assert yaml.safe_load(text) == yaml.safe_load((FOLDER / program / name).read_text())


def test_prometheus_and_alertmanager_accept_them() -> None:
    assert "1 rule files found" in run("promtool", "check", "config", PLACE / "prometheus.yml")
    assert "SUCCESS" in run("amtool", "check-config", PLACE / "alertmanager.yml")
