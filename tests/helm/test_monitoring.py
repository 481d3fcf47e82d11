"""Rules and dashboards reach the cluster as dashboards/ holds them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.components import component
from tests.helm.chart import CHART, ROOT, Helm, RefusedError, Release, values

RULES = sorted((ROOT / "dashboards" / "rules").glob("*.rules.yaml"))
DASHBOARDS = sorted((ROOT / "dashboards" / "grafana").glob("*.json"))


@pytest.fixture(scope="module")
def monitored(helm: Helm) -> Release:
    return helm.render(values("monitoring"))


def test_there_is_something_to_watch_with() -> None:
    assert RULES
    assert DASHBOARDS


def test_every_rule_file_arrives_unchanged(monitored: Release) -> None:
    arrived = {m["metadata"]["name"].removeprefix("chest-stepwedge-rules-"): m["spec"] for m in monitored.all("PrometheusRule")}
    assert arrived == {path.name.removesuffix(".rules.yaml").replace("_", "-"): yaml.safe_load(path.read_text()) for path in RULES}


def test_every_dashboard_arrives_unchanged(monitored: Release) -> None:
    arrived = {file: text.strip() for config in monitored.all("ConfigMap") for file, text in config["data"].items()}
    assert arrived == {path.name: path.read_text().strip() for path in DASHBOARDS}


def test_promtool_accepts_the_groups_that_the_operator_gets(monitored: Release, tmp_path: Path) -> None:
    promtool = component("promtool")
    for rule in monitored.all("PrometheusRule"):
        file = tmp_path / f"{rule['metadata']['name']}.yaml"
        file.write_text(yaml.safe_dump(rule["spec"]))
        checked = subprocess.run([promtool, "check", "rules", file], check=False, capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert re.search(r"SUCCESS: [1-9]\d* rules found", checked.stdout)


def test_the_chart_holds_links_and_no_copies() -> None:
    assert {path.name: path.resolve() for path in (CHART / "files").iterdir()} == {
        "rules": ROOT / "dashboards" / "rules",
        "grafana": ROOT / "dashboards" / "grafana",
    }


def test_a_packaged_chart_carries_what_the_links_point_to_and_no_more(helm: Helm, tmp_path: Path) -> None:
    with tarfile.open(helm.package(tmp_path)) as archive:
        carried = {Path(member.name).name for member in archive.getmembers() if "/files/" in member.name}
        assert all(member.isfile() for member in archive.getmembers())
    assert carried == {path.name for path in (*RULES, *DASHBOARDS)}


@pytest.mark.parametrize("what", ["rules", "dashboards"])
def test_a_chart_whose_links_were_lost_refuses_rather_than_watch_nothing(helm: Helm, tmp_path: Path, what: str) -> None:
    bare = shutil.copytree(CHART, tmp_path / "stepwedge", ignore=shutil.ignore_patterns("files"))
    with pytest.raises(RefusedError, match=f"this copy of the chart carries no {what}"):
        helm.render({**values("minimal"), "monitoring": {what: {"enabled": True}}}, chart=bare)


def test_what_needs_an_operator_is_not_installed_unasked(helm: Helm) -> None:
    release = helm.render(values("minimal"))
    assert not any(release.all(kind) for kind in ("ServiceMonitor", "PrometheusRule", "ConfigMap"))


def test_prometheus_finds_gateway_and_worker_and_knows_which_is_which(monitored: Release) -> None:
    monitor = monitored.one("ServiceMonitor")
    endpoints = monitor["spec"]["endpoints"]
    (expression,) = monitor["spec"]["selector"]["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("app.kubernetes.io/component", "In")
    found = []
    for service in monitored.all("Service"):
        labels = service["metadata"]["labels"]
        if monitor["spec"]["selector"]["matchLabels"].items() <= labels.items() and labels[expression["key"]] in expression["values"]:
            assert {endpoint["port"] for endpoint in endpoints} <= {port["name"] for port in service["spec"]["ports"]}
            found.append(labels[expression["key"]])
    assert sorted(found) == ["gateway", "worker"]
    assert [endpoint["relabelings"] for endpoint in endpoints] == [
        [
            {"sourceLabels": ["__meta_kubernetes_service_label_app_kubernetes_io_component"], "regex": component, "action": "keep"},
            {"targetLabel": "job", "replacement": f"stepwedge-{component}"},
        ]
        for component in ("gateway", "worker")
    ]


def test_a_gateway_with_tls_is_scraped_by_https_and_the_worker_is_not(helm: Helm) -> None:
    gateway, worker = helm.render(values("tls")).one("ServiceMonitor")["spec"]["endpoints"]
    assert gateway["scheme"] == "https"
    assert "scheme" not in worker


def test_prometheus_and_grafana_select_what_they_are_given(monitored: Release) -> None:
    for manifest in (monitored.one("ServiceMonitor"), *monitored.all("PrometheusRule")):
        assert manifest["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    for dashboard in monitored.all("ConfigMap"):
        assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert dashboard["metadata"]["annotations"] == {"grafana_folder": "Stepwedge"}
