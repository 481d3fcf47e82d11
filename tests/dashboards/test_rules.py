"""The alert rules: each is sound, is tested in its three weathers, and leads a person to a section of the runbook."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
import yaml

from tests.components import component
from tests.dashboards.expressions import FOLDER, RULES, alerts, rules

GROUPS = [group["name"] for group in yaml.safe_load(RULES.read_text())["groups"]]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([component("promtool"), *arguments], capture_output=True, text=True, check=False)


def alone(group: str, folder: Path) -> Path:
    """The cases of a group beside a copy of its own rules: those of the other groups would be computed for every minute and asked for nothing."""
    groups = [found for found in yaml.safe_load(RULES.read_text())["groups"] if found["name"] == group]
    (folder / RULES.name).write_text(yaml.safe_dump({"groups": groups}, allow_unicode=True))
    return Path(copy(RULES.parent / f"{group}.test.yaml", folder))


@cache
def cases() -> list[dict[str, Any]]:
    return [case for group in GROUPS for case in yaml.safe_load((RULES.parent / f"{group}.test.yaml").read_text())["tests"]]


def named(kind: str) -> set[str]:
    """Alerts that have a case of a kind: the name of a case is a list of alerts, and then the kind."""
    return {alert for case in cases() if (parts := re.match(rf"([\w, ]+) {kind}:", case["name"])) for alert in parts[1].split(", ")}


def expected(alert: str, kind: str) -> list[list[Any]]:
    """What the cases of a kind expect of an alert, one list for each instant that they look at."""
    return [
        check["exp_alerts"]
        for case in cases()
        if re.match(rf"[\w, ]*\b{alert}\b[\w, ]* {kind}:", case["name"])
        for check in case["alert_rule_test"]
        if check["alertname"] == alert
    ]


def test_prometheus_accepts_the_rules() -> None:
    checked = promtool("check", "rules", RULES)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout


@pytest.mark.parametrize("group", GROUPS)
def test_every_case_of_a_group_comes_out_as_written(group: str, tmp_path: Path) -> None:
    tested = promtool("test", "rules", alone(group, tmp_path))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_a_rule_that_is_worded_otherwise_is_noticed(tmp_path: Path) -> None:
    cases = alone("remedies", tmp_path)
    worded = tmp_path / RULES.name
    worded.write_text(worded.read_text().replace("for an answer for 3 days", "for long"))
    assert promtool("test", "rules", cases).returncode != 0


@pytest.mark.parametrize("alert", sorted(alerts()))
def test_each_alert_fires_is_quiet_and_is_tried_without_data(alert: str) -> None:
    assert all(alert in named(kind) for kind in ("fires", "is quiet", "without data"))
    assert any(expected(alert, "fires"))
    assert expected(alert, "is quiet")
    assert not any(expected(alert, "is quiet"))
    assert bool(expected(alert, "without data")[-1]) == ("absent(" in alerts()[alert]["expr"])


@pytest.mark.parametrize("alert", sorted(alerts()))
def test_each_alert_says_how_urgent_it_is_and_where_to_read_on(alert: str) -> None:
    rule = alerts()[alert]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert "for" in rule
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert rule["annotations"]["runbook_url"].endswith(f"#{alert.lower()}")
    assert f"\n## {alert}\n" in (FOLDER / "runbook.md").read_text()


def test_no_text_uses_a_unit_that_reads_wrong_at_night() -> None:
    """`humanize` writes 0.4 as 400m."""
    assert not re.search(r"\bhumanize\b|\bhumanize1024\b", RULES.read_text())


def test_replicas_that_export_the_same_make_one_alert() -> None:
    """A label of the scrape may name a gateway, which is a process of its own; nothing else may carry one."""
    by_instance = {name for name, rule in alerts().items() if "instance" in rule["annotations"]["summary"]}
    assert by_instance == {
        "StepwedgeLedgerImbalance",
        "StepwedgeInboxWaiting",
        "StepwedgeSpoolFilling",
        "StepwedgeSpoolWaiting",
        "StepwedgeSpoolLoss",
    }
    assert {name for name, rule in alerts().items() if not re.search(r"by \(|max\(|absent\(|instance:", rule["expr"])} == set()
