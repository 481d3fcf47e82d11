"""The dashboards: the committed files are what the code builds, and every panel is one that a person on call can use."""

from __future__ import annotations

import doctest
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import __main__ as command
from dashboards.grafana import promql, uids
from dashboards.grafana.alerting import FILES
from dashboards.grafana.catalogue import DASHBOARDS, rendered
from tests.dashboards.expressions import FOLDER, alerts, panels, variables

GRAFANA = FOLDER / "grafana"
DRAWN = sorted(set(DASHBOARDS) - {"runbook"})
SHOWING = [panel | {"of": name} for name in DRAWN for panel in panels(name) if panel["type"] != "row"]
UIDS = {json.loads(rendered(name))["uid"]: name for name in DASHBOARDS}


def titled(panel: dict[str, Any]) -> str:
    return f"{panel['of']}-{panel['id']}-{panel['title']}"


def links(tree: object) -> list[str]:
    """Every address that a dashboard leads to, of its own, of its panels and of the cells of its tables."""
    if isinstance(tree, dict):
        own = [tree["url"]] if isinstance(tree.get("url"), str) and tree["url"] else []
        return own + [found for value in tree.values() for found in links(value)]
    return [found for value in tree for found in links(value)] if isinstance(tree, list) else []


@pytest.mark.parametrize("name", sorted(DASHBOARDS))
def test_the_committed_file_is_what_the_code_builds(name: str) -> None:
    assert (GRAFANA / f"{name}.json").read_text() == rendered(name), "run python -m dashboards.grafana"


def test_no_dashboard_lies_beside_the_catalogue() -> None:
    assert {path.stem for path in GRAFANA.glob("*.json")} == set(DASHBOARDS)


@pytest.mark.parametrize("name", sorted(DASHBOARDS))
def test_panels_have_numbers_of_their_own_and_do_not_overlap(name: str) -> None:
    shown = list(panels(name))
    assert len({panel["id"] for panel in shown}) == len(shown)
    places = [panel["gridPos"] for panel in shown]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [(one, other) for one, other in combinations(places, 2) if overlap(one, other)]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in (("x", "w"), ("y", "h")))


@pytest.mark.parametrize("panel", SHOWING, ids=titled)
def test_a_panel_says_what_to_make_of_it(panel: dict[str, Any]) -> None:
    assert len(panel["description"].split()) >= 6
    assert panel["description"].endswith(".")
    assert panel["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("panel", [one for one in SHOWING if one["type"] != "table"], ids=titled)
def test_a_figure_has_a_unit(panel: dict[str, Any]) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"]


@pytest.mark.parametrize("panel", [one for one in SHOWING if one["type"] == "table"], ids=titled)
def test_a_table_names_each_of_its_columns(panel: dict[str, Any]) -> None:
    rename = next(one for one in panel["transformations"] if one["id"] == "organize")["options"]["renameByName"]
    assert {f"Value #{target['refId']}" for target in panel["targets"]} <= set(rename)
    overridden = {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]}
    assert {title for value, title in rename.items() if value != "Value"} <= overridden


@pytest.mark.parametrize("panel", SHOWING, ids=titled)
def test_a_band_is_filled_between_lines_that_exist(panel: dict[str, Any]) -> None:
    legends = {target.get("legendFormat") for target in panel["targets"]}
    for override in panel["fieldConfig"]["overrides"]:
        for setting in override["properties"]:
            if setting["id"] == "custom.fillBelowTo":
                assert {setting["value"], override["matcher"]["options"]} <= legends


def test_links_to_the_runbook_reach_the_section_they_name() -> None:
    sections = {panel["id"]: panel["title"] for panel in panels("runbook")}
    found = [link for panel in SHOWING for link in panel.get("links", ())]
    assert found
    for link in found:
        dashboard, _, number = link["url"].partition("?viewPanel=")
        assert dashboard == f"/d/{uids.RUNBOOK}"
        assert link["title"] == f"Runbook: {sections[int(number)]}"


def test_the_runbook_dashboard_has_every_section_in_full() -> None:
    shown = {panel["title"]: panel["options"]["content"] for panel in panels("runbook")}
    assert set(shown) == set(alerts())
    assert all(body in (FOLDER / "runbook.md").read_text() for body in shown.values())


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_asked_of_a_variable_exists_before_it_and_no_variable_is_idle(name: str) -> None:
    """A variable may depend on those above it only."""
    known = {"datasource"}
    for variable in variables(name):
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(variable["query"])))
        assert used <= known
        known.add(variable["name"])
    dashboard = json.loads(rendered(name))
    asked = json.dumps([[panel.get("targets", []) for panel in dashboard["panels"]], dashboard["annotations"]])
    used = set(re.findall(r"\$\{?(\w+)", asked))
    assert used <= known | {"__rate_interval", "__range"}
    below = json.dumps([variable["query"] for variable in variables(name)])
    assert known <= used | set(re.findall(r"\$\{?(\w+)", below))


def test_every_dashboard_leads_to_the_fleet_and_to_all_others_with_what_was_chosen() -> None:
    for name in DRAWN:
        dashboard = json.loads(rendered(name))
        (others,) = [link for link in dashboard["links"] if link["type"] == "dashboards"]
        assert (others["tags"], others["includeVars"], others["keepTime"]) == (["stepwedge"], True, True)
        assert name == "fleet" or f"/d/{uids.FLEET}" in links(dashboard["links"])
    assert all("stepwedge" in json.loads(rendered(name))["tags"] for name in DASHBOARDS)


@pytest.mark.parametrize("name", DRAWN)
def test_a_link_leads_to_a_dashboard_that_exists_and_sets_variables_that_it_has(name: str) -> None:
    here = {one["name"] for one in variables(name)}
    for url in links(json.loads(rendered(name))):
        uid, _, query = url.removeprefix("/d/").partition("?")
        there = {one["name"] for one in variables(UIDS[uid])}
        assert set(re.findall(r"var-(\w+)=", query)) <= there
        kept = set(re.findall(r"\$\{(\w+):queryparam\}", query))
        assert kept <= here & there, "what is kept must stand on both, or it is sent as it is written here"


def test_one_click_leads_from_the_fleet_to_a_model_and_from_there_to_its_finding_site_and_input() -> None:
    down = {name: {url.partition("?")[0].removeprefix("/d/") for url in links(json.loads(rendered(name)))} for name in DRAWN}
    assert uids.MODEL in down["fleet"]
    assert {uids.CALIBRATION, uids.INPUTS} <= down["model"]
    assert uids.MODEL in down["remedies"]


@pytest.mark.parametrize("name", DRAWN)
def test_alarms_and_deployments_are_marked_on_every_dashboard(name: str) -> None:
    marks = [one["name"] for one in json.loads(rendered(name))["annotations"]["list"]]
    assert marks == ["Open alarms", "Deployments"]


def test_an_alert_leads_to_a_dashboard_that_exists_and_sets_variables_that_it_has() -> None:
    for rule in alerts().values():
        uid, _, query = rule["annotations"]["dashboard_url"].partition("/d/")[2].partition("?")
        assert set(re.findall(r"var-(\w+)=", query)) <= {one["name"] for one in variables(UIDS[uid])}


def test_the_command_writes_every_dashboard_and_every_alert(tmp_path: Path) -> None:
    (tmp_path / "alerting").mkdir()
    command.main(tmp_path, tmp_path / "alerting")
    assert {path.name for path in tmp_path.glob("*.json")} == {f"{name}.json" for name in DASHBOARDS}
    assert {path.stem for path in (tmp_path / "alerting").iterdir()} == set(FILES)


def test_the_examples_in_the_docstrings_are_true() -> None:
    for module in (promql, uids):
        done = doctest.testmod(module)
        assert done.attempted > 0
        assert done.failed == 0
