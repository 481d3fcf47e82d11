"""What Prometheus is asked: by the rules, by the dashboards, by the runbook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from dashboards.grafana.catalogue import DASHBOARDS, rendered

FOLDER = Path(__file__).resolve().parents[2] / "dashboards"
RULES = FOLDER / "rules" / "stepwedge.rules.yaml"
RUNBOOK = FOLDER / "runbook.md"
OF_ALL_NAMES = "__name__"


@dataclass(frozen=True)
class Asked:
    """One expression, and where it stands."""

    where: str
    expr: str

    def __str__(self) -> str:
        return self.where


@cache
def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def in_rules() -> list[Asked]:
    return [Asked(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]


def in_templates() -> list[Asked]:
    """Queries inside annotations, with their parameters filled in."""
    return [
        Asked(f"{name}: {query[:40]}", query.replace("%[1]s", 'model="chest"').replace("%q", '"chest"'))
        for name, rule in alerts().items()
        for query in re.findall(r'"([^"]*\bstepwedge_[^"]*)"', rule["annotations"]["description"])
    ]


def panels(name: str) -> Iterator[dict[str, Any]]:
    yield from json.loads(rendered(name))["panels"]


def in_panels() -> list[Asked]:
    return [
        Asked(f"{name}/{panel['title']}/{target['refId']}", target["expr"])
        for name in DASHBOARDS
        for panel in panels(name)
        for target in panel.get("targets", ())
    ]


def variables(name: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(rendered(name)).get("templating", {}).get("list", [])
    return listed


def in_variables() -> list[Asked]:
    return [
        Asked(f"{name}: variable {one['name']}", _of_variable(one["query"]["query"]))
        for name in DASHBOARDS
        for one in variables(name)
        if one["type"] == "query"
    ]


def in_annotations() -> list[Asked]:
    return [
        Asked(f"{name}: annotation {one['name']}", one["target"]["expr"])
        for name in DASHBOARDS
        for one in json.loads(rendered(name)).get("annotations", {}).get("list", ())
    ]


def in_runbook() -> list[Asked]:
    found = re.findall(r"`promql: ([^`]+)`", RUNBOOK.read_text())
    return [Asked(f"runbook: {expr}", expr.replace("MODEL", "chest").replace("VERSION", "3")) for expr in found]


def filled(expr: str, values: Mapping[str, str]) -> str:
    """The expression as Grafana sends it."""
    for name, value in values.items():
        expr = expr.replace(f"${name}", value)
    assert "$" not in expr, f"unknown variable in {expr}"
    return expr


GRAFANA = {"__rate_interval": "10m", "__range": "90m"}
"""Grafana's own variables, as a dashboard of an hour and a half would fill them."""


def selectors(expr: str) -> list[Any]:
    """Every vector selector of an expression, wherever it stands in it."""
    return list(_selectors(promql_parser.parse(expr)))


def metrics(expr: str) -> set[str]:
    """Names of the series that an expression asks for; a pattern over names is given as it stands."""
    return {one.name or next(matcher.value for matcher in one.matchers.matchers if matcher.name == OF_ALL_NAMES) for one in selectors(expr)}


def _selectors(node: Any) -> Iterator[Any]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
        return
    children = ("expr", "lhs", "rhs", "vector_selector", "param")
    for child in (getattr(node, name, None) for name in children):
        if child is not None:
            yield from _selectors(child)
    for argument in getattr(node, "args", ()):
        yield from _selectors(argument)


def _of_variable(query: str) -> str:
    """The expression inside label_values(..., label) or query_result(...)."""
    inner = re.fullmatch(r"label_values\((.+), \w+\)|query_result\((.+)\)", query)
    assert inner, query
    return inner[1] or inner[2]
