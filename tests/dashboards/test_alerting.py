"""Grafana's own alerts are the Prometheus rules: the same expressions, the same words, the same routes."""

from __future__ import annotations

import doctest
import re
from typing import Any

import pytest
import yaml

from dashboards.grafana import wording
from dashboards.grafana.alerting import DATASOURCE, FILES, TARGET, provisioned
from tests.dashboards.expressions import FOLDER, alerts, metrics, panels, rules

PROVISIONED = yaml.safe_load(provisioned("rules"))
MADE: dict[str, dict[str, Any]] = {rule["title"]: rule for group in PROVISIONED["groups"] for rule in group["rules"]}
LOOKS_UP = re.compile(r"\{\{-?\s*(?:with|range|if)\b.*\{\{-?\s*end\s*-?\}\}", re.DOTALL)
ASSIGNS = re.compile(r"\s*\{\{-?\s*\$\w+ := .*?\}\}")


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_committed_file_is_what_the_code_makes(name: str) -> None:
    assert (TARGET / f"{name}.yaml").read_text() == provisioned(name), "run python -m dashboards.grafana"


def test_nothing_else_lies_beside_them() -> None:
    assert {path.name for path in TARGET.iterdir()} == {f"{name}.yaml" for name in FILES}


def test_every_alert_is_there_once_and_asks_the_provisioned_source() -> None:
    assert list(MADE) == list(alerts())
    assert len({rule["uid"] for rule in MADE.values()}) == len(MADE)
    assert all(len(rule["uid"]) <= 40 for rule in MADE.values())
    (source,) = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "stepwedge.yaml").read_text())["datasources"]
    assert {rule["data"][0]["datasourceUid"] for rule in MADE.values()} == {DATASOURCE} == {source["uid"]}


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_asks_and_waits_as_prometheus_does(name: str) -> None:
    made, rule = MADE[name], alerts()[name]
    expr = made["data"][0]["model"]["expr"]
    for recorded in (one for one in rules() if "record" in one):
        expr = re.sub(rf"\({re.escape(recorded['expr'].strip())}\)\[(\w+):1m\]", rf"{recorded['record']}[\1]", expr)
    assert expr == rule["expr"].strip()
    assert (made["for"], made.get("keepFiringFor")) == (rule["for"], rule.get("keep_firing_for"))
    assert made["labels"] == rule["labels"]
    assert not any(one["record"] in metrics(made["data"][0]["model"]["expr"]) for one in rules() if "record" in one)


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_says_the_same_but_for_what_only_prometheus_can_look_up(name: str) -> None:
    made, written = MADE[name]["annotations"], alerts()[name]["annotations"]
    for text in ("summary", "description"):
        words = written[text].replace("$value", "$values.query.Value")
        kept = [part for part in LOOKS_UP.split(ASSIGNS.sub("", words)) if part.strip()]
        assert kept[0].rstrip() in made[text]
        assert kept[-1].strip() in made[text]
        assert ("see the dashboard" in made[text]) == bool(LOOKS_UP.search(words))
        assert not re.search(r"\{\{-?\s*(with|range|if|end)\b|\| query|\$externalLabels", made[text])


@pytest.mark.parametrize("name", sorted(alerts()))
def test_a_link_of_an_alert_leads_to_its_section_and_its_dashboard_in_this_grafana(name: str) -> None:
    made = MADE[name]["annotations"]
    number = int(made["runbook_url"].removeprefix("/d/stepwedge-runbook?viewPanel="))
    assert next(panel["title"] for panel in panels("runbook") if panel["id"] == number) == name
    assert alerts()[name]["annotations"]["dashboard_url"].endswith(made["dashboard_url"])
    assert made["dashboard_url"].startswith("/d/stepwedge-")


def test_the_condition_is_that_anything_came_back_at_all() -> None:
    for rule in MADE.values():
        query, there, alert = rule["data"]
        assert (query["model"]["instant"], query["model"]["range"]) == (True, False)
        assert "$query" in there["model"]["expression"]
        assert (rule["condition"], alert["model"]["expression"]) == (alert["refId"], there["refId"])
        assert (rule["noDataState"], rule["execErrState"]) == ("OK", "Error")


def test_policies_route_as_the_example_of_alertmanager_does() -> None:
    (policy,) = yaml.safe_load(provisioned("policies"))["policies"]
    route = yaml.safe_load((FOLDER / "alertmanager" / "alertmanager.yml").read_text())["route"]
    assert [one["receiver"] for one in policy["routes"]] == [one["receiver"] for one in route["routes"]]
    assert [one["object_matchers"] for one in policy["routes"]] == [[["alertname", "=~", "Stepwedge.*"]], [["severity", "=", "page"]]]
    assert [one.get("continue", False) for one in policy["routes"]] == [True, False]
    points = {one["name"] for one in yaml.safe_load(provisioned("contact-points"))["contactPoints"]}
    assert {policy["receiver"], *(one["receiver"] for one in policy["routes"])} == points


def test_a_contact_point_holds_no_secret_and_no_address_of_its_own() -> None:
    for point in yaml.safe_load(provisioned("contact-points"))["contactPoints"]:
        (receiver,) = point["receivers"]
        told = {value for key, value in receiver["settings"].items() if key not in {"httpMethod", "authorization_scheme"}}
        assert all(value.startswith("$STEPWEDGE_") for value in told)


def test_the_examples_in_the_docstrings_are_true() -> None:
    done = doctest.testmod(wording)
    assert done.attempted > 0
    assert done.failed == 0
