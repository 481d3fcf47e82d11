"""The chart speaks the service's own language: its settings, its commands, its ports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import PurePosixPath
from typing import Any

import pytest
from psycopg.pq import Conninfo

from service.config import Settings
from tests.helm.chart import CHART, Helm, Release, values

LIBPQ = {option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar}
S3 = {"AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # test_objects.py shows who reads them
DEPLOYED = {  # what depends on the deployment, and so is not an entry of the value `settings`
    "database_url",
    "data_dir",
    "objects",
    "host",
    "port",
    "worker_port",
    "pseudonym_key",
    "pseudonym_key_file",
    "spool",
    "webhook_url",
    "webhook_secret",
    "oidc_client_secret",
    "pacs_url",
    "pacs_authorization",
    "api_key",
    "results_url",
    "results_secret",
    "tls_certificate",
    "tls_key",
    "tls_client_ca",
}


def test_every_variable_that_the_chart_sets_is_read_by_somebody(release: Release) -> None:
    settings = {f"STEPWEDGE_{name.upper()}" for name in Settings.model_fields} | {"DATABASE_URL"}
    for component, _ in release.pods():
        unknown = release.environment(component).keys() - settings - LIBPQ - S3
        assert unknown <= {"HTTPS_PROXY", "PROXY_PASSWORD"}  # extraEnv of one values file


def test_the_chart_offers_every_setting_of_the_service_with_its_bounds() -> None:
    offered = json.loads((CHART / "values.schema.json").read_text())["properties"]["settings"]["properties"]
    properties: dict[str, dict[str, Any]] = Settings.model_json_schema()["properties"]
    wanted = {name: {k: v for k, v in schema.items() if k not in {"title", "default"}} for name, schema in properties.items()}
    assert offered == {name: schema for name, schema in wanted.items() if name not in DEPLOYED}, "copy the other side into the schema"
    assert wanted.keys() >= DEPLOYED


@pytest.mark.parametrize("component", ["gateway", "worker", "migrate"])
def test_the_service_reads_back_what_the_values_say(helm: Helm, component: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = values("autoscaling")
    release = helm.render(given)
    settings = started(release, component, monkeypatch)
    assert settings.database_url == "postgresql://from-a-secret"
    assert str(settings.data_dir) == "/var/lib/stepwedge"
    if component != "migrate":
        assert {name: getattr(settings, name) for name in given["settings"]} == given["settings"]
        assert settings.object_folder == "/objects"
        assert settings.host == "0.0.0.0"  # a pod is reached from outside itself


def test_no_service_of_the_namespace_can_slip_in_a_setting(release: Release) -> None:
    for _, pod in release.pods():
        assert pod["spec"]["enableServiceLinks"] is False


def test_gateway_and_worker_listen_where_their_services_look(helm: Helm, monkeypatch: pytest.MonkeyPatch) -> None:
    release = helm.render(values("minimal"))
    for component in ("gateway", "worker"):
        with monkeypatch.context() as fresh:
            settings = started(release, component, fresh)
        port = settings.port if component == "gateway" else settings.worker_port
        assert [p["containerPort"] for p in release.container(component)["ports"]] == [port]


def test_the_pseudonym_key_lies_where_the_gateway_reads_it(helm: Helm, monkeypatch: pytest.MonkeyPatch) -> None:
    release = helm.render(values("cloudnativepg"))
    file = PurePosixPath(str(started(release, "gateway", monkeypatch).pseudonym_key_file))
    mounts = {mount["name"]: mount["mountPath"] for mount in release.container("gateway")["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in release.pod("gateway")["spec"]["volumes"]}
    assert volumes["pseudonym"]["secret"]["items"] == [{"key": "hmac", "path": file.name}]
    assert mounts["pseudonym"] == str(file.parent)


def test_the_webhook_and_its_signature_reach_the_worker_alone(helm: Helm, monkeypatch: pytest.MonkeyPatch) -> None:
    release = helm.render(values("closed-network"))
    settings = started(release, "worker", monkeypatch)
    assert settings.webhook_url == settings.webhook_secret.get_secret_value() == "postgresql://from-a-secret"  # type: ignore[union-attr] # set above
    for component in ("gateway", "migrate"):
        assert not any("WEBHOOK" in name for name in release.environment(component))


def test_the_pacs_and_its_secret_reach_the_gateway_alone(helm: Helm, monkeypatch: pytest.MonkeyPatch) -> None:
    release = helm.render(values("closed-network"))
    settings = started(release, "gateway", monkeypatch)
    assert settings.pacs_url == "https://pacs.example/dicom-web"
    assert settings.pacs_authorization.get_secret_value() == "postgresql://from-a-secret"  # type: ignore[union-attr] # set above
    for component in ("worker", "migrate"):
        assert not any("PACS" in name for name in release.environment(component))


def test_where_ends_are_told_reaches_gateway_and_worker_and_the_signature_the_worker_alone(
    helm: Helm, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = helm.render(values("inbox"))
    for component in ("gateway", "worker"):
        with monkeypatch.context() as fresh:
            settings = started(release, component, fresh)
        assert settings.results_url == "https://ris.example/stepwedge"
        assert (settings.results_secret is not None) == (component == "worker")
        assert settings.keep_predictions_days == 400


def test_spool_and_inbox_lie_on_the_claim_that_is_named(helm: Helm) -> None:
    volumes = {volume["name"]: volume for volume in helm.render(values("inbox")).pod("gateway")["spec"]["volumes"]}
    assert volumes["data"]["persistentVolumeClaim"] == {"claimName": "stepwedge-data"}


def test_a_folder_of_the_pod_holds_a_full_inbox_and_a_full_spool(helm: Helm) -> None:
    volumes = {volume["name"]: volume for volume in helm.render(values("minimal")).pod("gateway")["spec"]["volumes"]}
    gib = int(volumes["data"]["emptyDir"]["sizeLimit"].removesuffix("Gi"))
    assert gib * 2**30 > Settings.model_fields["inbox_bytes"].default + Settings.model_fields["spool_bytes"].default


@pytest.mark.parametrize("name", ["tls", "mutual-tls"])
def test_the_certificate_lies_where_the_gateway_reads_it_and_probes_speak_accordingly(
    helm: Helm, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = helm.render(values(name))
    settings = started(release, "gateway", monkeypatch)
    mounts = {mount["mountPath"] for mount in release.container("gateway")["volumeMounts"]}
    files = [file for file in (settings.tls_certificate, settings.tls_key, settings.tls_client_ca) if file is not None]
    assert len(files) == (3 if name == "mutual-tls" else 2)
    assert {str(file.parent) for file in files} <= mounts
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = release.container("gateway")[probe]
        assert asked.get("httpGet", {}).get("scheme") == (None if name == "mutual-tls" else "HTTPS")
        assert "scheme" not in release.container("worker")[probe]["httpGet"]


def test_a_database_url_of_cloudnativepg_is_verified_against_its_cluster(helm: Helm) -> None:
    for component in ("gateway", "worker", "migrate"):
        environment = helm.render(values("cloudnativepg")).environment(component)
        assert environment["DATABASE_URL"] == {"secretKeyRef": {"name": "chest-postgres-app", "key": "uri"}}
        assert (environment["PGSSLMODE"], environment["PGSSLROOTCERT"]) == ("verify-full", "/var/run/stepwedge/database/ca.crt")


def test_a_database_url_of_ones_own_says_itself_how_it_is_verified(helm: Helm) -> None:
    environment = helm.render(values("minimal")).environment("gateway")
    assert environment["DATABASE_URL"] == {"secretKeyRef": {"name": "stepwedge-database", "key": "url"}}
    assert not LIBPQ & environment.keys()


@pytest.mark.parametrize("component", ["gateway", "worker", "migrate"])
def test_every_command_that_the_chart_runs_exists(helm: Helm, component: str) -> None:
    program, *arguments = helm.render(values("minimal")).container(component)["command"]
    assert program == "stepwedge"
    command = [sys.executable, "-m", "service", *arguments, "--help"]
    assert subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0


def test_a_gateway_drains_before_it_is_killed(release: Release) -> None:
    spec = release.pod("gateway")["spec"]
    (container,) = spec["containers"]
    assert 0 < container["lifecycle"]["preStop"]["sleep"]["seconds"] < spec["terminationGracePeriodSeconds"]


def started(release: Release, component: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Read the settings as a container of this component does; what lies in secrets is a stand-in."""
    for name, value in release.environment(component).items():
        monkeypatch.setenv(name, value if isinstance(value, str) else "postgresql://from-a-secret")
    return Settings()
