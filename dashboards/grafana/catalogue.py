"""Every dashboard once, in plain sight: the name of its file, and what builds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.grafana.fleet import fleet
from dashboards.grafana.inputs import inputs
from dashboards.grafana.model import model
from dashboards.grafana.remedies import remedies
from dashboards.grafana.runbook import runbook
from dashboards.grafana.service import service
from dashboards.grafana.subgroups import subgroups
from dashboards.grafana.truth import truth

DASHBOARDS: Mapping[str, Callable[[], Dashboard]] = {
    "fleet": fleet,
    "model": model,
    "inputs": inputs,
    "calibration": truth,
    "subgroups": subgroups,
    "service": service,
    "remedies": remedies,
    "runbook": runbook,
}

STRAY = {"auto", "auto_min", "auto_count", "placement"}
"""Defaults that the builders write and nobody asked for: the first three belong to another kind of variable, the last hides a link in a menu."""


def rendered(name: str) -> str:
    """The JSON of one dashboard, as Grafana imports it."""
    written = json.loads(json.dumps(DASHBOARDS[name]().build(), cls=JSONEncoder))
    return json.dumps(_without(written, STRAY), indent=2, sort_keys=True) + "\n"


def _without(tree: object, keys: set[str]) -> object:
    if isinstance(tree, dict):
        return {key: _without(value, keys) for key, value in tree.items() if key not in keys}
    return [_without(value, keys) for value in tree] if isinstance(tree, list) else tree
