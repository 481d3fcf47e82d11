"""Who may speak with whom, once the chart's network policies hold."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helm.chart import Helm, Release, values

Rule = dict[str, Any]
DNS = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
INGRESS, CALLER = values("closed-network")["networkPolicy"]["clients"]


def test_every_pod_is_under_a_policy_in_both_directions(helm: Helm) -> None:
    release = helm.render(values("minimal"))
    for component, _ in release.pods():
        assert release.one("NetworkPolicy", component)["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_without_names_anybody_may_call_the_gateway(helm: Helm) -> None:
    assert everybody(incoming(helm.render(values("minimal")), "gateway"))


def test_naming_the_clients_closes_the_gateway_to_everybody_else(helm: Helm) -> None:
    rules = incoming(helm.render(values("closed-network")), "gateway")
    assert not everybody(rules)
    assert [peer for rule in rules for peer in rule["from"] if "podSelector" not in peer] == [INGRESS, CALLER]


def test_prometheus_reaches_a_gateway_with_named_clients_once_it_is_named_too(helm: Helm) -> None:
    given = values("everything")["networkPolicy"]
    peers = [peer for rule in incoming(helm.render(values("everything")), "gateway") for peer in rule["from"]]
    assert given["monitoring"][0] in peers
    assert given["clients"][0] in peers


def test_clients_do_not_reach_the_worker(helm: Helm) -> None:
    rules = incoming(helm.render(values("everything")), "worker")
    assert [peer for rule in rules for peer in rule["from"] if "namespaceSelector" in peer] == values("everything")["networkPolicy"][
        "monitoring"
    ]
    assert not everybody(rules)


@pytest.mark.parametrize("component", ["gateway", "worker"])
def test_the_test_of_a_release_always_comes_through(release: Release, component: str) -> None:
    policies = [p for p in release.all("NetworkPolicy") if p["metadata"]["labels"]["app.kubernetes.io/component"] == component]
    tester = release.pod("test")["metadata"]["labels"]
    for policy in policies:
        peers = [peer for rule in policy["spec"]["ingress"] for peer in rule.get("from", [])]
        assert any(peer.get("podSelector", {}).get("matchLabels", {"": ""}).items() <= tester.items() for peer in peers)
        reached = [peer["podSelector"]["matchLabels"] for rule in outgoing(release, "test") for peer in rule.get("to", [])]
        assert any(labels.items() <= release.pod(component)["metadata"]["labels"].items() for labels in reached)


def test_nobody_calls_a_migration_and_it_calls_nothing_but_postgres(helm: Helm) -> None:
    release = helm.render(values("closed-network"))
    assert incoming(release, "migrate") == []
    names, database = outgoing(release, "migrate")
    assert names == {"ports": DNS}
    assert database == {"ports": [{"port": 5432}], "to": values("closed-network")["networkPolicy"]["database"]["to"]}


def test_the_policy_of_the_migration_is_there_before_the_migration(helm: Helm) -> None:
    release = helm.render(values("minimal"))
    policy, job = (release.one(kind, "migrate")["metadata"]["annotations"] for kind in ("NetworkPolicy", "Job"))
    assert policy["helm.sh/hook"] == job["helm.sh/hook"]
    assert int(policy["helm.sh/hook-weight"]) < int(job["helm.sh/hook-weight"])


def test_only_a_worker_with_a_webhook_may_call_it(helm: Helm) -> None:
    closed, minimal = helm.render(values("closed-network")), helm.render(values("minimal"))
    assert 8443 in ports(outgoing(closed, "worker"))
    assert 8443 not in ports(outgoing(closed, "gateway"))
    assert ports(outgoing(minimal, "worker")) == {53, 5432}


def test_only_a_gateway_with_a_pacs_may_push_to_it(helm: Helm) -> None:
    closed, minimal = helm.render(values("closed-network")), helm.render(values("minimal"))
    assert 8042 in ports(outgoing(closed, "gateway"))
    assert 8042 not in ports(outgoing(closed, "worker"))
    assert ports(outgoing(minimal, "gateway")) == {53, 5432}


def test_objects_are_reached_where_they_lie(helm: Helm) -> None:
    release = helm.render(values("s3"))
    assert {"ports": [{"port": 9000}], "to": values("s3")["networkPolicy"]["objects"]["to"]} in outgoing(release, "gateway")


def incoming(release: Release, component: str) -> list[Rule]:
    rules: list[Rule] = release.one("NetworkPolicy", component)["spec"].get("ingress", [])
    return rules


def outgoing(release: Release, component: str) -> list[Rule]:
    rules: list[Rule] = release.one("NetworkPolicy", component)["spec"]["egress"]
    return rules


def everybody(rules: list[Rule]) -> bool:
    """Tell whether a rule names no peers, and so lets everybody in."""
    return any("from" not in rule for rule in rules)


def ports(rules: list[Rule]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}
