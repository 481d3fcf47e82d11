"""The whole way round: a scanner was exchanged, its alarm, a better model that answers. Gateway, worker and trainer run as they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest
from sqlalchemy import Engine, select, text

from service.domain import Label, ModelVersion
from service.models.registry import register_package
from service.store.labels import add_labels
from service.store.tables import predictions
from service.worker.reference import build_reference
from tests.api.package import make_package
from tests.api.serving import until
from tests.callers import AUTHORIZED
from tests.ports import free_port
from tests.running import running_gateway
from tests.worker import hospital

PLAN = """
[monitoring]
subgroups = ["site"]
alarms_per_year = 1.0
label_maturity_days = 7
[remedies.allowed]
acquisition = ["retrain"]
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
TOGETHER, LEARNT, COMPARED = 16, 15, 20
REFERENCE_DAYS, QUIET_DAYS, SHIFTED_DAYS, FILMS_A_DAY = 30, 3, 2, 40
BEGIN = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('ab').write(sys.stdin.buffer.read() + b'\\n')"


@pytest.fixture
def shifted(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    """A model that was accepted and did well, until a scanner was exchanged the day before yesterday. No worker has looked yet."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(hospital, "FIRST", today - timedelta(days=REFERENCE_DAYS + QUIET_DAYS + SHIFTED_DAYS))
    package = make_package(tmp_path / "package", findings=("opacity",))
    (package / "model.toml").write_text((package / "model.toml").read_text() + PLAN)
    version = register_package(engine, str(tmp_path / "objects"), package, at=hospital.FIRST)
    answered(engine, version, 0, REFERENCE_DAYS + QUIET_DAYS)
    build_reference(engine, version, hospital.FIRST, hospital.day(REFERENCE_DAYS), at=hospital.day(REFERENCE_DAYS))
    answered(engine, version, REFERENCE_DAYS + QUIET_DAYS, SHIFTED_DAYS, hospital.Stream(scanner="Gamma", kvp=9.0))
    return version


def test_from_a_shift_by_alarm_proposal_and_retraining_to_a_better_model_that_answers(
    engine: Engine, shifted: ModelVersion, postgres_url: str, tmp_path: Path
) -> None:
    rng, asked = np.random.default_rng(0), tmp_path / "asked"
    with (
        running_gateway(postgres_url, tmp_path, STEPWEDGE_KEEP_INSTANCES="true") as address,
        worker(postgres_url, tmp_path, STEPWEDGE_RETRAINING_COMMAND=f'{sys.executable} -c "{BEGIN}" {asked}'),
        httpx.Client(base_url=address, headers=AUTHORIZED, timeout=60, trust_env=False) as client,
    ):
        until(lambda: client.get("/v2/models/chest/ready").status_code == 200)
        for _ in range(LEARNT):
            assert send(client, engine, rng) == "1"
        kept = f'stepwedge_kept_instances_total{{outcome="kept"}} {LEARNT * TOGETHER}.0'
        until(lambda: kept in client.get("/metrics").text and client.get("/v1/models/chest/remedies").json())
        (alarm,) = client.get("/v1/models/chest/alarms").json()
        (proposal,) = client.get("/v1/models/chest/remedies").json()
        assert (alarm["kind"], alarm["cleared_at"]) == ("acquisition", None)
        assert (proposal["alarm"], proposal["action"], proposal["state"]) == (alarm["id"], "retrain", "proposed")
        remedy = UUID(proposal["id"])
        assert client.post(f"/v1/remedies/{remedy}/approve", json=WHY).status_code == 200
        until(asked.exists)
        (request,) = (json.loads(line)["data"] for line in asked.read_text().splitlines())
        assert (request["remedy"], request["reason"]["alarm"]) == (str(remedy), alarm["id"])
        cases = request["cases"]["sha256"]
        trained = stepwedge("train", cases, "--remedy", str(remedy), "--epochs", "6", url=postgres_url, folder=tmp_path)
        assert trained.returncode == 0, trained.stderr
        challenger = told(client, remedy)["challenger"]
        assert challenger == f"1-retrained-{cases[:8]}"
        copytree(tmp_path / "challenger", tmp_path / "objects" / "retrained")
        again = client.post(f"/v1/remedies/{remedy}/challenger", json={"package": "retrained"})
        assert (again.status_code, again.json()["challenger"]) == (200, challenger)
        assert client.post(f"/v1/remedies/{remedy}/promote", json=WHY).json()["type"] == "/problems/not-passed"
        until(lambda: f'stepwedge_shadow_running{{model="chest",version="{challenger}"}} 1.0' in client.get("/metrics").text)
        for _ in range(COMPARED):
            assert send(client, engine, rng) == "1"
        until(lambda: client.get(f"/v1/remedies/{remedy}/comparison").json().get("decision") == "pass")
        found = client.get(f"/v1/remedies/{remedy}/comparison").json()
        area = next(one for one in found["criteria"] if one["measure"] == "auroc")
        assert area["challenger"] > area["champion"] + 0.1
        assert client.post(f"/v1/remedies/{remedy}/promote", json=WHY).json()["state"] == "promoted"
        until(lambda: client.get("/v2/models/chest").json()["versions"] == [challenger])
        assert send(client, engine, rng) == challenger
        steps = [step["step"] for step in told(client, remedy)["steps"] if step["step"] not in {"evidence", "unwatched", "watched"}]
        assert steps == ["approved", "handed_over", "challenged", "promoted"]
    assert len(asked.read_text().splitlines()) == 1
    with engine.connect() as connection:
        alarms = "select count(*), count(cleared_at) from alarms"
        assert tuple(connection.execute(text(alarms)).one()) == (1, 1)
        assert connection.scalar(text("select count(*) from remedies")) == 1
        assert connection.scalar(text("select count(*) from outbox where kind = 'retraining'")) == 1
        assert connection.scalar(text("select count(*) from model_versions")) == 2


def answered(engine: Engine, version: ModelVersion, first: int, days: int, stream: hospital.Stream = hospital.QUIET) -> None:
    """Films of the past, spread over the working day, with what the model said of them and what they showed."""
    rng = np.random.default_rng(first)
    moments = [hospital.day(first + number // FILMS_A_DAY, 8 + number % FILMS_A_DAY / 5) for number in range(days * FILMS_A_DAY)]
    films = [hospital.make_film(version.id, at, rng, stream) for at in moments]
    wide = [(replace(film, scores=replace(film.scores, embedding=rng.normal(size=32).astype(np.float16))), truth) for film, truth in films]
    hospital.send(engine, version, wide)


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


def environment(url: str, folder: Path, **settings: str) -> dict[str, str]:
    ports = {"STEPWEDGE_WORKER_PORT": str(free_port()), "STEPWEDGE_WORKER_INTERVAL_S": "0.5"}
    return {**os.environ, "DATABASE_URL": url, "STEPWEDGE_DATA_DIR": str(folder), "OMP_NUM_THREADS": "1", **ports, **settings}


@contextmanager
def worker(url: str, folder: Path, **settings: str) -> Iterator[None]:
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "worker"], env=environment(url, folder, **settings), stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.terminate()
            ended = process.wait(60)
    assert ended == 0, (folder / "worker.log").read_text()


def stepwedge(*arguments: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "service", *arguments]
    return subprocess.run(call, env=environment(url, folder), cwd=folder, capture_output=True, text=True, check=False, timeout=120)
