"""Whatever the values, Kubernetes takes what the chart renders, and the parts find each other."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.helm.chart import CHART, NAMES, ROOT, VALUES, Helm, Manifest, Release, values

OLDEST, NEWEST = "1.30", kubernetes_validate.latest_version()
CUSTOM = {"ServiceMonitor", "PrometheusRule"}
HOSTS = {"Service", "Pod", "Job", "Deployment"}  # their names become host names or labels
LABEL, SUBDOMAIN = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"), re.compile(r"[a-z]([-a-z0-9.]{0,251}[a-z0-9])?")


def test_there_are_at_least_eight_ways_to_install_it() -> None:
    assert len(NAMES) >= 8


@pytest.mark.parametrize("name", NAMES)
def test_lint_finds_nothing(helm: Helm, name: str) -> None:
    assert helm.lint(values(name)) == []


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_accepts_every_manifest(release: Release, version: str) -> None:
    for manifest in release.manifests:
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_chart_refuses_a_kubernetes_older_than_the_one_it_is_checked_against() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["kubeVersion"] == f">={OLDEST}.0-0"


def test_the_chart_installs_the_version_of_this_repository() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == project["version"]


def test_every_name_is_valid_even_for_the_longest_release_name(helm: Helm) -> None:
    for manifest in helm.render(values("everything"), name="r" * 53).manifests:
        allowed = LABEL if manifest["kind"] in HOSTS else SUBDOMAIN
        assert allowed.fullmatch(manifest["metadata"]["name"]), manifest["metadata"]["name"]


def test_no_two_manifests_are_the_same_object(release: Release) -> None:
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in release.manifests]
    assert len(names) == len(set(names))


def test_what_a_pod_refers_to_is_made_by_the_chart_or_named_in_the_values(helm: Helm) -> None:
    for name in NAMES:
        given = (VALUES / f"{name}.yaml").read_text()
        release = helm.render(values(name))
        made = {(m["kind"], m["metadata"]["name"]) for m in release.manifests}
        for kind, wanted in references([pod for _, pod in release.pods()]):
            named = re.sub("-(app|ca)$", "", wanted) if kind == "Secret" else wanted  # CloudNativePG names its secrets after the cluster
            assert (kind, wanted) in made or named in given or (kind, wanted) == ("ServiceAccount", "default"), (name, kind, wanted)


def test_the_migration_needs_nothing_that_the_release_has_yet_to_make(release: Release) -> None:
    hooks = [m for m in release.manifests if "pre-install" in m["metadata"].get("annotations", {}).get("helm.sh/hook", "")]
    later = {(m["kind"], m["metadata"]["name"]) for m in release.manifests if m not in hooks}
    assert later.isdisjoint(references([m["spec"]["template"] for m in hooks if m["kind"] == "Job"]))


def test_the_migration_runs_before_install_and_upgrade_and_its_log_is_kept(helm: Helm) -> None:
    annotations = helm.render(values("minimal")).one("Job")["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation"


def test_a_claim_that_the_chart_made_outlives_the_release(helm: Helm) -> None:
    claim = helm.render(values("minimal")).one("PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_an_image_is_named_by_its_digest_where_one_is_given(helm: Helm) -> None:
    images = {pod["spec"]["containers"][0]["image"] for _, pod in helm.render(values("cloud-identity")).pods()}
    assert images == {"images.example/stepwedge@" + values("cloud-identity")["image"]["digest"]}


def test_every_value_is_read_by_a_template() -> None:
    templates = "".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    assert [path for path in leaves(defaults) if not re.search(rf"\.{path[-1]}\b", templates)] == []


def leaves(node: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, below in node.items():
        if isinstance(below, dict) and below and key not in {"requests", "limits", "labels"}:
            yield from leaves(below, (*above, key))
        elif key not in {"requests", "limits"}:
            yield (*above, key)


def references(pods: list[Manifest]) -> set[tuple[str, str]]:
    found = {("ServiceAccount", pod["spec"]["serviceAccountName"]) for pod in pods}
    for pod in pods:
        for container in pod["spec"]["containers"]:
            sources = [entry.get("valueFrom", {}).get("secretKeyRef") for entry in container.get("env", [])]
            found |= {("Secret", source["name"]) for source in sources if source}
        for volume in pod["spec"].get("volumes", []):
            if "secret" in volume:
                found.add(("Secret", volume["secret"]["secretName"]))
            if "persistentVolumeClaim" in volume:
                found.add(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
    return found
