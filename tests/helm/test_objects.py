"""The variables that the chart sets for S3 are those that the object folder's library reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from tests.helm.chart import Helm, values
from tests.helm.loopback import serving

LISTING = b"""<ListBucketResult><Name>radiology-models</Name><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>
<Contents><Key>stepwedge/model.toml</Key><Size>5</Size><LastModified>2026-03-02T09:00:00.000Z</LastModified></Contents></ListBucketResult>"""
LIST = (
    "import os, fsspec.core; folder, path = fsspec.core.url_to_fs(os.environ['STEPWEDGE_OBJECTS']); print(*folder.ls(path, detail=False))"
)


def test_a_pod_with_the_charts_variables_lists_its_bucket_at_its_endpoint_with_its_credentials(helm: Helm) -> None:
    asked: list[tuple[str, str]] = []

    def answer(path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        asked.append((path, headers["Authorization"]))
        return 200, LISTING

    given = values("s3")
    with serving(answer) as address:
        given["objects"]["s3"]["endpoint"] = address
        environment = helm.render(given).environment("gateway")
        plain = {name: value if isinstance(value, str) else value["secretKeyRef"]["key"] for name, value in environment.items()}
        command = [sys.executable, "-c", LIST]
        listed = subprocess.run(command, env={**os.environ, **plain}, check=True, capture_output=True, text=True, timeout=60).stdout
    assert listed.split() == ["radiology-models/stepwedge/model.toml"]
    path, authorization = asked[0]
    assert path.startswith("/radiology-models?list-type=2&prefix=stepwedge%2F")
    assert "Credential=user/" in authorization  # the key named by accessKeyIdKey
    assert "/eu-central-1/s3/" in authorization


def test_a_cloud_identity_needs_no_credentials_in_the_pod(helm: Helm) -> None:
    release = helm.render(values("cloud-identity"))
    assert not any(name.startswith("AWS_") for name in release.environment("gateway"))
    assert release.one("ServiceAccount")["metadata"]["annotations"] == {"cloud.example/role": "stepwedge-objects"}
    assert release.pod("gateway")["spec"]["serviceAccountName"] == release.one("ServiceAccount")["metadata"]["name"]


def test_a_volume_is_mounted_where_the_service_looks_for_its_objects(helm: Helm) -> None:
    release = helm.render(values("minimal"))
    claim = release.one("PersistentVolumeClaim")["metadata"]["name"]
    for component in ("gateway", "worker"):
        (volume,) = [v["name"] for v in release.pod(component)["spec"]["volumes"] if v.get("persistentVolumeClaim") == {"claimName": claim}]
        mounts = {mount["name"]: mount["mountPath"] for mount in release.container(component)["volumeMounts"]}
        assert mounts[volume] == release.environment(component)["STEPWEDGE_OBJECTS"]
