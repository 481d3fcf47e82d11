"""Labels and names are how the parts of a release find each other, and only each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from service.console.routes import routes
from tests.helm.chart import Helm, Manifest, Release, values


def test_every_selector_finds_the_pods_of_its_own_component_and_no_others(release: Release) -> None:
    pods = [(component, pod["metadata"]["labels"]) for component, pod in release.pods()]
    for component, selector in selectors(release):
        assert {found for found, labels in pods if matches(selector, labels)} == {component}


def test_two_releases_in_one_namespace_leave_each_other_alone(helm: Helm) -> None:
    chest, wrist = (helm.render(values("everything"), name=name) for name in ("chest", "wrist"))
    labels = [pod["metadata"]["labels"] for _, pod in wrist.pods()]
    assert not any(matches(selector, found) for _, selector in selectors(chest) for found in labels)
    assert {m["metadata"]["name"] for m in chest.manifests}.isdisjoint(m["metadata"]["name"] for m in wrist.manifests)


def test_a_selector_holds_nothing_that_an_upgrade_changes(release: Release) -> None:
    for _, selector in selectors(release):
        assert not {"helm.sh/chart", "app.kubernetes.io/version"} & selector.get("matchLabels", {}).keys()


def test_every_named_port_of_a_service_a_probe_or_a_policy_exists_on_its_pods(release: Release) -> None:
    ports = {component: {port["name"] for port in pod["spec"]["containers"][0].get("ports", [])} for component, pod in release.pods()}
    for service in release.all("Service"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[component_of(service)]
    for component in ("gateway", "worker"):
        container = release.container(component)
        assert {port_of(container[probe]) for probe in ("startupProbe", "livenessProbe", "readinessProbe")} <= ports[component]
    for policy in release.all("NetworkPolicy"):
        wanted = {port["port"] for rule in policy["spec"].get("ingress", []) for port in rule["ports"]}
        assert wanted <= ports[component_of(policy)]


def port_of(probe: Manifest) -> str:
    """With mutual TLS a probe opens the port and asks nothing."""
    return str((probe.get("httpGet") or probe["tcpSocket"])["port"])


def test_the_autoscaler_moves_the_gateway_and_the_deployment_does_not_argue(helm: Helm) -> None:
    release = helm.render(values("autoscaling"))
    gateway = release.one("Deployment", "gateway")
    target = release.one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"], target["apiVersion"]) == ("Deployment", gateway["metadata"]["name"], gateway["apiVersion"])
    assert "replicas" not in gateway["spec"]
    assert release.container("gateway")["resources"]["requests"]["cpu"]  # utilisation is a share of it


def test_every_route_of_an_ingress_ends_at_a_port_of_the_gateway(helm: Helm) -> None:
    for name in ("ingress", "ingress-behind-balancer", "everything"):
        release = helm.render(values(name))
        service = release.one("Service", "gateway")
        spec = release.one("Ingress")["spec"]
        assert [rule["host"] for rule in spec["rules"]] == values(name)["ingress"]["hosts"]
        for rule in spec["rules"]:
            for path in rule["http"]["paths"]:
                assert path["backend"]["service"]["name"] == service["metadata"]["name"]
                assert path["backend"]["service"]["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}


def test_the_certificate_covers_every_host(helm: Helm) -> None:
    (tls,) = helm.render(values("ingress")).one("Ingress")["spec"]["tls"]
    assert tls == {"secretName": "stepwedge-certificate", "hosts": values("ingress")["ingress"]["hosts"]}


def test_metrics_and_probes_are_not_routed_from_outside(helm: Helm) -> None:
    for name in ("ingress", "everything"):
        (rule, *_) = helm.render(values(name)).one("Ingress")["spec"]["rules"]
        below = [path["path"] for path in rule["http"]["paths"] if path["pathType"] == "Prefix"]
        assert not any(probe.startswith(path) for path in below for probe in ("/metrics", "/livez", "/readyz"))


def test_the_console_is_routed_where_somebody_asked_for_it(helm: Helm) -> None:
    routed = {name: helm.render(values(name)).one("Ingress")["spec"]["rules"][0]["http"]["paths"] for name in ("ingress", "everything")}
    console = [(path["path"], path["pathType"]) for path in routed["everything"] if path["path"] not in {"/v1", "/v2", "/dicom-web"}]
    assert console == [("/console", "Prefix"), ("/", "Exact")]
    assert all(route.path == "/" or route.path.startswith("/console/") for route in routes())
    assert not {"/", "/console"} & {path["path"] for path in routed["ingress"]}


def selectors(release: Release) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Component and selector of everything that selects pods."""
    for manifest in release.manifests:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "Service":
            yield component_of(manifest), {"matchLabels": spec["selector"]}
        elif manifest["kind"] in {"Deployment", "PodDisruptionBudget"}:
            yield component_of(manifest), spec["selector"]
        elif manifest["kind"] == "NetworkPolicy":
            yield component_of(manifest), spec["podSelector"]
        for spread in spec.get("template", {}).get("spec", {}).get("topologySpreadConstraints", []):
            yield component_of(manifest), spread["labelSelector"]


def component_of(manifest: Manifest) -> str:
    return str(manifest["metadata"]["labels"]["app.kubernetes.io/component"])


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    assert selector.keys() == {"matchLabels"}
    return bool(selector["matchLabels"].items() <= labels.items())
