"""Every pod runs under the restricted profile of Kubernetes, and no secret is ever written down."""

from __future__ import annotations

import re

import pytest
import yaml

from service.config import Settings
from tests.helm.chart import CHART, Helm, Manifest, RefusedError, Release, values

CREDENTIALS = re.compile(r"://[^/\s'\"]*@")


def test_every_pod_keeps_to_the_restricted_profile(release: Release) -> None:
    for _, pod in release.pods():
        spec = pod["spec"]
        assert not any(spec.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC"))
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for volume in spec.get("volumes", []):
            assert volume.keys() - {"name"} <= {"emptyDir", "secret", "persistentVolumeClaim"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert not any("hostPort" in port for port in container.get("ports", []))


def test_every_pod_has_bounds_and_holds_no_key_to_the_cluster(release: Release) -> None:
    for _, pod in release.pods():
        assert pod["spec"]["automountServiceAccountToken"] is False
        (container,) = pod["spec"]["containers"]
        assert "memory" in container["resources"]["limits"]
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()


def test_what_is_written_has_a_bounded_place_to_be_written_to(release: Release) -> None:
    for component, pod in release.pods():
        if component == "test":
            continue
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        writable = {mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"] if bounded(volumes[mount["name"]])}
        assert writable == {"/tmp", release.environment(component)["STEPWEDGE_DATA_DIR"]}
        assert all("sizeLimit" in volume["emptyDir"] for volume in volumes.values() if "emptyDir" in volume)


def bounded(volume: Manifest) -> bool:
    """A folder of the pod, or the claim that somebody made for the gateways."""
    return "emptyDir" in volume or (volume["name"] == "data" and "persistentVolumeClaim" in volume)


def test_the_user_is_not_root_unless_the_platform_chooses_one(helm: Helm) -> None:
    assert {pod["spec"]["securityContext"]["runAsUser"] for _, pod in helm.render(values("minimal")).pods()} == {10001}
    for _, pod in helm.render(values("openshift")).pods():
        assert pod["spec"]["securityContext"].keys() == {"runAsNonRoot", "seccompProfile"}


def test_films_that_pass_through_tmp_do_not_reach_the_disk(helm: Helm) -> None:
    volumes = {volume["name"]: volume for volume in helm.render(values("minimal")).pod("gateway")["spec"]["volumes"]}
    assert volumes["tmp"]["emptyDir"]["medium"] == "Memory"


def test_the_chart_makes_no_secret(release: Release) -> None:
    assert release.all("Secret") == []


def test_what_the_service_holds_secret_comes_from_a_secret(release: Release) -> None:
    secret = {"DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"}
    secret |= {f"STEPWEDGE_{name.upper()}" for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    for component, _ in release.pods():
        for name, value in release.environment(component).items():
            assert name not in secret or value.keys() == {"secretKeyRef"}, name


def test_no_rendered_text_holds_credentials(release: Release) -> None:
    assert CREDENTIALS.findall(release.text) == []


@pytest.mark.parametrize(
    "leak",
    [
        {"objects": {"url": "s3://user:password@bucket/prefix", "volume": {"create": False}}},
        {"objects": {"url": "s3://bucket", "s3": {"endpoint": "https://user:password@objects.example"}}},
        {"webhook": {"url": "https://user:password@tickets.example"}},
        {"webhook": {"url": "https://token@tickets.example"}},
        {"extraEnv": [{"name": "HTTPS_PROXY", "value": "http://user:password@proxy.example"}]},
        {"extraEnv": [{"name": "AWS_SESSION_TOKEN", "value": "plain"}]},
        {"extraEnv": [{"name": "PGPASSWORD", "value": "plain"}]},
        {"extraEnv": [{"name": "STEPWEDGE_PSEUDONYM_KEY", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}]},
        {"settings": {"pseudonym_key": "0123456789abcdef0123456789abcdef"}},
        {"settings": {"webhook_secret": "plain"}},
        {"settings": {"pacs_authorization": "plain"}},
        {"pacs": {"url": "https://user:password@pacs.example"}},
        {"settings": {"database_url": "postgresql://user:password@host/name"}},
        {"database": {"existingSecret": {"value": "postgresql://user:password@host/name"}}},
    ],
)
def test_a_secret_in_the_values_is_refused_and_not_repeated(helm: Helm, leak: dict[str, object]) -> None:
    with pytest.raises(RefusedError) as refusal:
        helm.render({**values("minimal"), **leak})
    assert "0123456789abcdef" not in str(refusal.value)


def test_an_authority_is_mounted_without_its_private_key(helm: Helm) -> None:
    release = helm.render(values("cloudnativepg"))
    for component in ("gateway", "worker", "migrate"):
        volumes = {volume["name"]: volume for volume in release.pod(component)["spec"]["volumes"]}
        assert volumes["database-authority"]["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]


def test_the_pseudonym_key_reaches_the_gateway_alone(release: Release) -> None:
    key = release.pod("gateway")["spec"]["volumes"]
    (secret,) = [volume["secret"]["secretName"] for volume in key if volume["name"] == "pseudonym"]
    holders = {component for component, pod in release.pods() if secret in yaml.safe_dump(pod)}
    assert holders == {"gateway"}


def test_the_templates_read_no_secret_from_the_cluster() -> None:
    templates = [path for path in (CHART / "templates").rglob("*") if path.is_file()]
    assert [path.name for path in templates if re.search(r"\blookup\b|\bgenPrivateKey\b|\brandAlphaNum\b", path.read_text())] == []
