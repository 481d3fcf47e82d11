"""What is misspelt or cannot work is refused before anything is installed, and the refusal names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from typing import Any

import pytest
import yaml

from tests.helm.chart import CHART, Helm, RefusedError, values

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
KUBERNETES = {"nodeAffinity", "podAffinity", "podAntiAffinity", "global"}  # shapes that are not ours


def objects(node: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Path and schema of every object that the schema describes."""
    if node.get("type") == "object":
        yield path, node
    for key in ("properties", "definitions"):
        for name, below in node.get(key, {}).items():
            yield from objects(below, (*path, name)) if isinstance(below, dict) else ()
    if isinstance(node.get("items"), dict):
        yield from objects(node["items"], (*path, "[]"))


def closed(node: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Path of every object of the default values that has keys of its own."""
    if node.get("properties"):
        yield path
        for name, below in node["properties"].items():
            yield from closed(resolved(below), (*path, name))


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    name = node.get("$ref", "").rpartition("/")[2]
    return SCHEMA["definitions"][name] if name else node


CLOSED = [".".join(path) for path in closed(SCHEMA) if path[-1:] not in {("selector",), ("affinity",)}]


def test_every_object_of_the_schema_is_closed_or_says_what_its_entries_are() -> None:
    open_ones = {path for path, node in objects(SCHEMA) if "additionalProperties" not in node}
    assert {path[-1] for path in open_ones} == KUBERNETES


@pytest.mark.parametrize("path", CLOSED)
def test_a_misspelt_key_is_refused_by_name(helm: Helm, path: str) -> None:
    given = deepcopy(dict(values("minimal")))
    parent = reduce(lambda node, key: node.setdefault(key, {}), filter(None, path.split(".")), given)
    parent["replicsa"] = 3
    with pytest.raises(RefusedError, match="'replicsa' not allowed"):
        helm.render(given)


def test_every_value_of_the_schema_has_a_default_and_every_default_a_schema() -> None:
    described = {".".join(path): resolved_at(path)["properties"].keys() - {"global"} for path in closed(SCHEMA) if path != ("settings",)}
    for path, names in described.items():
        defaults = reduce(lambda node, key: node[key], filter(None, path.split(".")), DEFAULTS)
        assert defaults.keys() == names or not defaults, path


@pytest.mark.parametrize(
    "wrong",
    [
        {"fullnameOverride": "chest.north"},
        {"image": {"digest": "sha256:short"}},
        {"image": {"repository": "Upper/Case"}},
        {"image": {"pullPolicy": "always"}},
        {"database": {"tls": {"mode": "on"}}},
        {"pseudonyms": {"existingSecret": {"name": "Not A Name"}}},
        {"objects": {"url": "bucket/prefix"}},
        {"objects": {"volume": {"create": "yes"}}},
        {"objects": {"volume": {"create": True, "size": "many"}}},
        {"objects": {"volume": {"create": True, "accessModes": ["ReadOnlyMany"]}}},
        {"settings": {"site": "North Wing"}},
        {"settings": {"max_waiting": 0}},
        {"settings": {"max_waiting": "many"}},
        {"settings": {"batch_size": 4096}},
        {"settings": {"worker_interval_s": 0}},
        {"settings": {"replay_clock": "yes"}},
        {"settings": {"port": 9000}},
        {"webhook": {"url": "tickets.example"}},
        {"pacs": {"url": "pacs.example"}},
        {"podSecurity": {"runAsUser": 0}},
        {"podSecurity": {"runAsUser": "stepwedge"}},
        {"gateway": {"replicas": 0}},
        {"gateway": {"replicas": 1.5}},
        {"gateway": {"disruptionBudget": {"maxUnavailable": "half"}}},
        {"gateway": {"resources": {"limits": {"memory": "3 GB"}}}},
        {"gateway": {"tolerations": [{"key": "x", "effect": "NoEntry"}]}},
        {"gateway": {"service": {"port": 70000}}},
        {"gateway": {"podAnnotations": {"prometheus.io/scrape": True}}},
        {"ingress": {"hosts": ["https://stepwedge.example"]}},
        {"ingress": {"paths": ["v1"]}},
        {"networkPolicy": {"clients": [{}]}},
        {"networkPolicy": {"database": {"ports": []}}},
        {"networkPolicy": {"clients": [{"nameSpaceSelector": {}}]}},
        {"monitoring": {"serviceMonitor": {"interval": "often"}}},
    ],
    ids=json.dumps,
)
def test_a_value_of_the_wrong_kind_is_refused(helm: Helm, wrong: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="don't meet the specifications of the schema"):
        helm.render({**values("minimal"), **wrong})


@pytest.mark.parametrize(
    ("change", "demand"),
    [
        ({"database": {}}, "database: set exactly one of"),
        ({"database": {"existingSecret": {"name": "a"}, "cloudNativePG": {"cluster": "b"}}}, "database: set exactly one of"),
        ({"database": {"existingSecret": {"name": "a"}, "tls": {"mode": "verify-ca"}}}, "database.tls.caSecret.name"),
        ({"pseudonyms": {}}, "pseudonyms.existingSecret.name"),
        ({"objects": {}}, "objects: set exactly one of"),
        ({"objects": {"url": "s3://bucket", "volume": {"create": True}}}, "objects: set exactly one of"),
        ({"objects": {"volume": {"create": True, "existingClaim": "a"}}}, "objects: set exactly one of"),
        ({"objects": {"volume": {"create": True, "accessModes": ["ReadWriteOnce"]}}}, "several gateways share the folder"),
        ({"webhook": {"existingSecret": {"signingKey": "a"}}}, "webhook.existingSecret.name"),
        ({"pacs": {"url": "https://a.example", "existingSecret": {"authorizationKey": "a"}}}, "pacs.existingSecret.name"),
        ({"pacs": {"existingSecret": {"name": "a", "authorizationKey": "b"}}}, "pacs.url"),
        ({"webhook": {"url": "https://a.example", "existingSecret": {"name": "b", "urlKey": "c"}}}, "webhook: set one of"),
        ({"gateway": {"drainSeconds": 60, "terminationGracePeriodSeconds": 60}}, "longer than drainSeconds"),
        ({"gateway": {"autoscaling": {"enabled": True, "minReplicas": 9, "maxReplicas": 3}}}, "minReplicas is more than"),
        ({"ingress": {"enabled": True, "tls": {"elsewhere": True}}}, "ingress.hosts"),
        ({"ingress": {"enabled": True, "hosts": ["a.example"]}}, "ingress.tls.secretName"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_release_that_could_not_work_is_refused_with_the_value_to_set(helm: Helm, change: dict[str, Any], demand: str) -> None:
    with pytest.raises(RefusedError, match=demand):
        helm.render({**values("minimal"), **change})


def test_the_chart_may_be_a_dependency_of_another(helm: Helm) -> None:
    assert helm.render({**values("minimal"), "global": {"domain": "radiology.example"}}).manifests


def resolved_at(path: tuple[str, ...]) -> dict[str, Any]:
    return reduce(lambda node, key: resolved(node["properties"][key]), path, SCHEMA)
