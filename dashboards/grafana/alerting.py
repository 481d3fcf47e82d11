"""The alert rules, contact points and policies as Grafana provisions them, made of the Prometheus rules and the Alertmanager example."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from dashboards.grafana import uids
from dashboards.grafana.runbook import sections
from dashboards.grafana.wording import worded

FOLDER = Path(__file__).parents[1]
RULES = FOLDER / "rules" / "stepwedge.rules.yaml"
ROUTING = FOLDER / "alertmanager" / "alertmanager.yml"
TARGET = FOLDER / "alerting"
DATASOURCE = "stepwedge-prometheus"
"""The one of provisioning/datasources."""
EVERY = "1m"
COMMENT = "# Made of {source} by `python -m dashboards.grafana`: change that. For a Grafana that shall alert in Alertmanager's place; never run both.\n"
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"?([^"]*)"?')

Tree = Mapping[str, Any]


def rules() -> Tree:
    """Every alert rule, in the groups of the Prometheus rules. Grafana asks Prometheus; what comes back at all is an alert, as there."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    recorded = {rule["record"]: rule["expr"].strip() for group in groups for rule in group["rules"] if "record" in rule}
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": group["name"],
                "folder": "Stepwedge",
                "interval": EVERY,
                "rules": [_rule(rule, recorded) for rule in group["rules"] if "alert" in rule],
            }
            for group in groups
        ],
    }


def asked(expr: str, recorded: Mapping[str, str]) -> str:
    """An expression without recorded series, which only Prometheus knows: each is put in its place, computed every minute."""
    for name, meaning in recorded.items():
        expr = re.sub(rf"{re.escape(name)}\[(\w+)\]", lambda found, meaning=meaning: f"({meaning})[{found[1]}:{EVERY}]", expr)  # type: ignore[misc] # a default binds it
    return expr.strip()


def contact_points() -> Tree:
    """Whoever is on call, the queue of tickets, and Stepwedge itself, so that what was sent stands beside the alarm."""
    stepwedge = {
        "url": "$STEPWEDGE_ALERTS_URL",
        "httpMethod": "POST",
        "authorization_scheme": "Bearer",
        "authorization_credentials": "$STEPWEDGE_ALERTS_KEY",
    }
    return {
        "apiVersion": 1,
        "contactPoints": [
            _contact("on-call", "email", {"addresses": "$STEPWEDGE_ON_CALL_EMAIL"}),
            _contact("tickets", "email", {"addresses": "$STEPWEDGE_TICKETS_EMAIL"}),
            _contact("stepwedge", "webhook", stepwedge),
        ],
    }


def policies() -> Tree:
    """Who hears of what, and how often: the routes of the Alertmanager example. Grafana has no inhibition."""
    route = yaml.safe_load(ROUTING.read_text(encoding="utf-8"))["route"]
    return {"apiVersion": 1, "policies": [{"orgId": 1, **_policy(route)}]}


FILES: Mapping[str, tuple[Callable[[], Tree], Path]] = {
    "rules": (rules, RULES),
    "contact-points": (contact_points, Path(__file__)),
    "policies": (policies, ROUTING),
}
"""Name of each file, what makes it, and of what."""


def provisioned(name: str) -> str:
    """The text of one file, as Grafana reads it from its folder provisioning/alerting."""
    make, source = FILES[name]
    written: str = yaml.safe_dump(dict(make()), sort_keys=False, width=10_000, allow_unicode=True)
    return COMMENT.format(source=source.relative_to(FOLDER)) + written


def _rule(rule: Tree, recorded: Mapping[str, str]) -> Tree:
    name: str = rule["alert"]
    kept = {"keepFiringFor": rule["keep_firing_for"]} if "keep_firing_for" in rule else {}
    return {
        "uid": name.lower(),
        "title": name,
        "condition": "alert",
        "data": list(_steps(asked(rule["expr"], recorded))),
        "noDataState": "OK",
        "execErrState": "Error",
        "for": rule["for"],
        **kept,
        "labels": dict(rule["labels"]),
        "annotations": _annotations(name, rule["annotations"]),
    }


def _steps(expr: str) -> Iterator[Tree]:
    """Ask Prometheus; make 1 of whatever number comes back; alert where there is one."""
    at_hand, here = {"from": 600, "to": 0}, "__expr__"
    yield {
        "refId": "query",
        "relativeTimeRange": at_hand,
        "datasourceUid": DATASOURCE,
        "model": _model("query", expr=expr, instant=True, range=False),
    }
    there = "is_number($query) || is_nan($query) || is_inf($query)"
    yield {"refId": "there", "datasourceUid": here, "model": _model("there", type="math", expression=there)}
    above = [{"evaluator": {"type": "gt", "params": [0]}}]
    yield {"refId": "alert", "datasourceUid": here, "model": _model("alert", type="threshold", expression="there", conditions=above)}


def _model(ref: str, **said: object) -> Tree:
    return {"refId": ref, "intervalMs": 1000, "maxDataPoints": 43200, **said}


def _annotations(name: str, written: Mapping[str, str]) -> Tree:
    panel = list(sections()).index(name) + 1
    return {
        "summary": worded(written["summary"]),
        "description": worded(written["description"]),
        "runbook_url": f"/d/{uids.RUNBOOK}?viewPanel={panel}",
        "dashboard_url": written["dashboard_url"].partition("}}")[2],
    }


def _contact(name: str, kind: str, settings: Tree) -> Tree:
    return {"orgId": 1, "name": name, "receivers": [{"uid": f"stepwedge-{name}", "type": kind, "settings": settings}]}


def _policy(route: Tree) -> Tree:
    kept = ("receiver", "continue", "group_by", "group_wait", "group_interval", "repeat_interval")
    matched = [list(found.groups()) for one in route.get("matchers", ()) if (found := MATCHER.fullmatch(one))]
    return {
        **{key: route[key] for key in kept if key in route},
        **({"object_matchers": matched} if matched else {}),
        **({"routes": [_policy(one) for one in route["routes"]]} if "routes" in route else {}),
    }
