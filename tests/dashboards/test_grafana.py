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
from dashboards.grafana import model, promql, runbook
from dashboards.grafana.catalogue import DASHBOARDS, rendered
from tests.dashboards.expressions import FOLDER, alerts, in_panels, in_runbook, in_variables_and_annotations, panels

GRAFANA = FOLDER / "grafana"
SHOWING = [panel for panel in panels("model") if panel["type"] != "row"]


def titled(panel: dict[str, Any]) -> str:
    return f"{panel['id']}-{panel['title']}"


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
    links = [link for panel in SHOWING for link in panel.get("links", ())]
    assert links
    for link in links:
        dashboard, _, number = link["url"].partition("?viewPanel=")
        assert dashboard == f"/d/{runbook.UID}"
        assert link["title"] == f"Runbook: {sections[int(number)]}"


def test_the_runbook_dashboard_has_every_section_in_full() -> None:
    shown = {panel["title"]: panel["options"]["content"] for panel in panels("runbook")}
    assert set(shown) == set(alerts())
    assert all(body in (FOLDER / "runbook.md").read_text() for body in shown.values())


def test_what_is_asked_of_a_variable_exists_before_it() -> None:
    """A variable may depend on those above it only."""
    known = {"datasource"}
    for variable in json.loads(rendered("model"))["templating"]["list"]:
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(variable)))
        assert used <= known
        known.add(variable["name"])
    asked = json.dumps([one.expr for one in (*in_panels(), *in_variables_and_annotations())])
    assert set(re.findall(r"\$\{?(\w+)", asked)) <= known | {"__rate_interval", "__range"}
    assert known - {"datasource"} <= set(re.findall(r"\$\{?(\w+)", asked))
    assert in_runbook()


def test_a_click_on_a_series_keeps_all_else_that_was_chosen() -> None:
    (link,) = set(re.findall(r'"url": "(/d/stepwedge-model[^"]+)"', rendered("model")))
    variables = [one["name"] for one in json.loads(rendered("model"))["templating"]["list"]]
    assert link.startswith(f"/d/{model.UID}?")
    assert re.findall(r"\$\{(\w+):queryparam\}", link) == [name for name in variables if name != "series"]
    assert link.endswith("&var-series=${__value.raw:percentencode}")


def test_the_command_writes_every_dashboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "__file__", str(tmp_path / "__main__.py"))
    command.main()
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.json" for name in DASHBOARDS}


def test_the_examples_in_the_docstrings_are_true() -> None:
    done = doctest.testmod(promql)
    assert done.attempted > 0
    assert done.failed == 0
