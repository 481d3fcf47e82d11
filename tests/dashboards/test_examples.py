"""The example configurations: what operations copies starts, and sends each alert to the right place."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.components import component
from tests.dashboards.expressions import FOLDER, alerts

PROMETHEUS = FOLDER / "prometheus" / "prometheus.yml"
ALERTMANAGER = FOLDER / "alertmanager" / "alertmanager.yml"


def run(program: str, *arguments: str | Path) -> str:
    done = subprocess.run([component(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_accepts_its_example_and_finds_the_rules() -> None:
    assert "1 rule files found" in run("promtool", "check", "config", PROMETHEUS)


def test_alertmanager_accepts_its_example() -> None:
    assert "SUCCESS" in run("amtool", "check-config", ALERTMANAGER)


@pytest.mark.parametrize(("severity", "receiver"), [("page", "on-call"), ("ticket", "tickets")])
def test_a_page_reaches_the_person_on_call_and_a_ticket_waits(severity: str, receiver: str) -> None:
    assert run("amtool", "config", "routes", "test", "--config.file", ALERTMANAGER, f"severity={severity}").split()[-1] == receiver


def test_stepwedge_hears_of_its_own_alerts_whoever_else_does() -> None:
    routed = run("amtool", "config", "routes", "test", "--config.file", ALERTMANAGER, "severity=page", "alertname=StepwedgeModelAlarm")
    assert routed.strip() == "stepwedge,on-call"


def test_every_receiver_reads_its_secret_from_a_file() -> None:
    for receiver in yaml.safe_load(ALERTMANAGER.read_text())["receivers"]:
        assert all(set(hook["http_config"]["authorization"]) == {"credentials_file"} for hook in receiver["webhook_configs"])


@pytest.mark.parametrize("side", ["source_matchers", "target_matchers"])
def test_inhibition_speaks_of_alerts_that_exist(side: str) -> None:
    for rule in yaml.safe_load(ALERTMANAGER.read_text())["inhibit_rules"]:
        assert named_by(rule[side]) <= set(alerts())


def test_a_model_alarm_is_never_inhibited() -> None:
    targets = [named_by(rule["target_matchers"]) for rule in yaml.safe_load(ALERTMANAGER.read_text())["inhibit_rules"]]
    assert not any("StepwedgeModelAlarm" in target for target in targets)


def named_by(matchers: Sequence[str]) -> set[str]:
    """Alert names of the matcher that names them: alertname = X, or alertname =~ "Stepwedge(X|Y)"."""
    (matcher,) = (one for one in matchers if one.startswith("alertname"))
    value = matcher.split("=", 1)[1].removeprefix("~").strip(' "')
    prefix, _, rest = value.partition("(")
    return {prefix + name for name in rest.rstrip(")").split("|")} if rest else {value}


def test_the_scrape_jobs_are_the_gateway_and_the_worker() -> None:
    jobs = {job["job_name"] for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]}
    assert jobs == {"stepwedge-gateway", "stepwedge-worker"}


def test_grafana_finds_the_dashboards_where_its_provisioning_says() -> None:
    """The folder that the comment mounts at /etc/stepwedge is the one that holds the provisioning and the JSON."""
    provisioning = FOLDER / "provisioning"
    provider = (provisioning / "dashboards" / "stepwedge.yaml").read_text()
    assert yaml.safe_load(provider)["providers"][0]["options"]["path"] == "/etc/stepwedge/grafana"
    assert "GF_PATHS_PROVISIONING=/etc/stepwedge/provisioning" in provider
    assert '/dashboards:/etc/stepwedge:ro"' in provider
    assert list((FOLDER / "grafana").glob("*.json"))
    (source,) = yaml.safe_load((provisioning / "datasources" / "stepwedge.yaml").read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "$PROMETHEUS_URL")
