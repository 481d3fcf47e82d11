"""From a proposal to retrain to a better model that answers: gateway, worker and trainer as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
from sqlalchemy import Engine, select, text

from service.domain import Label
from service.models.manifest import read_manifest
from service.models.registry import register_package
from service.store.labels import add_labels
from service.store.tables import predictions
from tests.api.package import make_package
from tests.api.serving import until
from tests.callers import AUTHORIZED
from tests.ports import free_port
from tests.remedies.builders import make_remedy
from tests.running import running_gateway

PLAN = """
[monitoring]
subgroups = ["site"]
[remedies.acceptance]
auroc_margin = 0.1
sensitivity_margin = 0.5
specificity_margin = 0.5
subgroup_margin = 0.5
brier_margin = 0.2
calibration_slope = [0.01, 100.0]
latency_ratio = 100.0
minimum_positives = 20
minimum_negatives = 20
subgroup_minimum = 20
"""
WHY = {"reason": "the physicist confirmed it"}
TOGETHER, TIMES = 16, 20


def test_a_proposal_to_retrain_ends_in_a_better_model_that_answers(engine: Engine, postgres_url: str, tmp_path: Path) -> None:
    package = make_package(tmp_path / "package", findings=("opacity",))
    (package / "model.toml").write_text((package / "model.toml").read_text() + PLAN)
    register_package(engine, str(tmp_path / "objects"), package, at=datetime.now(UTC))
    rng, plan = np.random.default_rng(0), read_manifest(package).remedies.model_dump(mode="json")
    with (
        running_gateway(postgres_url, tmp_path, STEPWEDGE_KEEP_INSTANCES="true") as address,
        worker(postgres_url, tmp_path),
        httpx.Client(base_url=address, headers=AUTHORIZED, timeout=60, trust_env=False) as client,
    ):
        until(lambda: client.get("/v2/models/chest/ready").status_code == 200)
        for _ in range(TIMES):
            send(client, engine, rng)
        until(lambda: 'stepwedge_kept_instances_total{outcome="kept"} 320.0' in client.get("/metrics").text)
        remedy = make_remedy(engine, "retrain", kind="performance", plan=plan, at=datetime.now(UTC)).id
        assert client.post(f"/v1/remedies/{remedy}/approve", json=WHY).status_code == 200
        until(lambda: told(client, remedy)["state"] == "handed_over")
        (cases,) = (step["details"]["cases"] for step in told(client, remedy)["steps"] if step["step"] == "handed_over")
        for _ in range(2):  # whoever retrained calls back twice: that is once
            trained = stepwedge("train", cases["sha256"], "--remedy", str(remedy), "--epochs", "6", url=postgres_url, folder=tmp_path)
            assert trained.returncode == 0, trained.stderr
        challenger = told(client, remedy)["challenger"]
        assert challenger == f"1-retrained-{cases['sha256'][:8]}"
        assert client.post(f"/v1/remedies/{remedy}/promote", json=WHY).json()["type"] == "/problems/not-passed"
        until(lambda: f'stepwedge_shadow_running{{model="chest",version="{challenger}"}} 1.0' in client.get("/metrics").text)
        for _ in range(TIMES):
            assert send(client, engine, rng) == "1"
        until(lambda: client.get(f"/v1/remedies/{remedy}/comparison").json().get("decision") == "pass")
        found = client.get(f"/v1/remedies/{remedy}/comparison").json()
        area = next(one for one in found["criteria"] if one["measure"] == "auroc")
        assert area["challenger"] > area["champion"] + 0.1
        assert client.post(f"/v1/remedies/{remedy}/promote", json=WHY).json()["state"] == "promoted"
        until(lambda: client.get("/v2/models/chest").json()["versions"] == [challenger])
        assert send(client, engine, rng) == challenger
        with engine.connect() as connection:
            assert connection.scalar(text("select count(*) from alarms where cleared_at is null")) == 0
            assert connection.scalar(text("select count(*) from model_versions")) == 2


def send(client: httpx.Client, engine: Engine, rng: np.random.Generator) -> str:
    """Inputs with and without a bright middle, most of them telling; each is read at once. Returns the version that answered."""
    truth = (rng.random(TOGETHER) < 0.4).astype(float)
    films = rng.normal(0, 1, (TOGETHER, 1, 64, 64))
    films[:, 0, 24:40, 24:40] += (truth * rng.uniform(0, 1.5, TOGETHER))[:, None, None]
    tensor = films.astype("<f4").tobytes()
    asked = {"name": "input", "shape": films.shape, "datatype": "FP32", "parameters": {"binary_data_size": len(tensor)}}
    head = json.dumps({"inputs": [asked]}).encode()
    sized = {"Inference-Header-Content-Length": str(len(head))}
    reply = client.post("/v2/models/chest/infer", content=head + tensor, headers=sized).raise_for_status().json()
    named = {output["name"]: output["data"] for output in reply["outputs"]}
    with engine.begin() as connection:
        at = {row.id: row.received_at for row in connection.execute(select(predictions.c.id, predictions.c.received_at))}
        stated = [
            Label(UUID(one), "opacity", value, "report", None, at[UUID(one)], at[UUID(one)])
            for one, value in zip(named["prediction"], truth, strict=True)
        ]
        assert add_labels(connection, stated) == TOGETHER
    version: str = reply["model_version"]
    return version


def told(client: httpx.Client, remedy: UUID) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/remedies/{remedy}").json()
    return found


def environment(url: str, folder: Path) -> dict[str, str]:
    ports = {"STEPWEDGE_WORKER_PORT": str(free_port()), "STEPWEDGE_WORKER_INTERVAL_S": "1"}
    return {**os.environ, "DATABASE_URL": url, "STEPWEDGE_DATA_DIR": str(folder), "OMP_NUM_THREADS": "1", **ports}


@contextmanager
def worker(url: str, folder: Path) -> Iterator[None]:
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "service", "worker"], env=environment(url, folder), stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            ended = process.wait(60)
    assert ended == 0, (folder / "worker.log").read_text()


def stepwedge(*arguments: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "service", *arguments]
    return subprocess.run(call, env=environment(url, folder), cwd=folder, capture_output=True, text=True, check=False, timeout=120)
