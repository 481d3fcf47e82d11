"""Challengers predict beside the champion; nothing that they do is seen in a reply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
from sqlalchemy import Engine, select, text

from service.config import Settings
from service.shadow.metrics import End
from service.store.erase import Named, erase
from service.store.predictions import find_prediction
from service.store.shadow_predictions import shadows_between
from service.store.tables import shadow_predictions
from tests.api.serving import DICOM, make_settings, register, serving, until, until_loaded
from tests.films import make_film, phantom
from tests.shadow.packages import TRIAL, Failing, Hanging, Hungry, Nonsense, register_challenger
from tests.store.builders import AT

FILMS = 20


@contextmanager
def gateway(settings: Settings, engine: Engine, folder: Path, *, challengers: int = 1) -> Iterator[httpx.Client]:
    """A gateway that serves `chest` 1, once so many challengers run beside it."""
    register(engine, settings, folder)
    with serving(settings) as client:
        until_loaded(client)
        until(lambda: counted(client, "stepwedge_shadow_running") == challengers)
        yield client


def counted(client: httpx.Client, series: str, **labels: str) -> float:
    """The sum of a series' values with these labels."""
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    lines = [line for line in client.get("/metrics").text.splitlines() if re.match(rf"{series}[{{ ]", line)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in wanted))


def ends(client: httpx.Client, **labels: str) -> dict[str, float]:
    """Films shown to challengers, by what became of them."""
    return {str(end): n for end in End if (n := counted(client, "stepwedge_shadow_films_total", outcome=end, **labels))}


def film(number: int) -> bytes:
    return make_film(phantom(seed=number))


def send(client: httpx.Client, body: bytes) -> dict[str, Any]:
    reply = client.post("/v1/models/chest/predictions", content=body, headers=DICOM)
    assert reply.status_code == 200
    said: dict[str, Any] = reply.json()
    return said


def rows(engine: Engine) -> dict[UUID, list[float]]:
    with engine.connect() as connection:
        return {row.prediction: row.logits for row in connection.execute(select(shadow_predictions))}


def test_a_challenger_predicts_the_same_films_and_is_recorded_apart(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    """Films and tensors, each once; what was said of an erased film goes with it, and who is no challenger any more sees nothing more."""
    version = register_challenger(engine, settings, tmp_path / "challenger")
    tensor = {"name": "input", "shape": [2, 1, 64, 64], "datatype": "FP32", "data": np.linspace(0, 1, 8192).tolist()}
    with gateway(settings, engine, tmp_path / "package") as client:
        body = film(0)
        first, again = send(client, body), send(client, body)
        assert first["id"] == again["id"]
        assert client.post("/v2/models/chest/infer", json={"inputs": [tensor]}).status_code == 200
        until(lambda: ends(client) == {"predicted": 3})
        assert first["version"] == "1"
        with engine.begin() as connection:
            prediction = find_prediction(connection, UUID(first["id"]))
            found = shadows_between(connection, version.id, prediction.received_at, prediction.received_at.replace(year=2100))
            assert not np.allclose(found.logits[prediction.id], prediction.scores.logits)
            assert found.durations_ms[prediction.id] > 0
            assert prediction.pseudonyms.study is not None
            erased = erase(connection, Named.STUDY, prediction.pseudonyms.study, at=AT, actor="test")
            assert erased.rows["shadow_predictions"] == 1
            connection.execute(text("update model_versions set state = 'retired' where id = :id"), {"id": version.id})
        until(lambda: "stepwedge_shadow_running{" not in client.get("/metrics").text)
        send(client, film(1))
    assert len(rows(engine)) == 2


def test_a_challenger_with_its_own_preprocessing_sees_the_film_and_not_the_champions_tensor(
    settings: Settings, engine: Engine, tmp_path: Path
) -> None:
    register_challenger(engine, settings, tmp_path / "challenger", preprocessing={"rows": 32, "columns": 32})
    tensor = {"name": "input", "shape": [1, 1, 64, 64], "datatype": "FP32", "data": [0.5] * 4096}
    with gateway(settings, engine, tmp_path / "package") as client:
        send(client, film(0))
        assert client.post("/v2/models/chest/infer", json={"inputs": [tensor]}).status_code == 200
        until(lambda: ends(client) == {"predicted": 1, "unfit": 1})


def test_challengers_that_fail_change_no_reply(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    alone = make_settings(str(settings.database_url), tmp_path / "alone", shadow_challengers=0)
    with gateway(alone, engine, tmp_path / "package", challengers=0) as client:
        before = [send(client, film(number))["findings"] for number in range(FILMS)]
    register_challenger(engine, settings, tmp_path / "raises", version="2", module=Failing(TRIAL))
    register_challenger(engine, settings, tmp_path / "nonsense", version="3", module=Nonsense(TRIAL))
    with gateway(settings, engine, tmp_path / "package", challengers=2) as client:
        after = [send(client, film(number))["findings"] for number in range(FILMS)]
        until(lambda: ends(client).get("failed", 0) >= 2 * (FILMS - TRIAL))
        assert counted(client, "stepwedge_requests_failed_total") == 0
    assert after == before


def test_challengers_that_hang_or_eat_memory_are_put_away_and_what_finds_no_room_is_shed(
    engine: Engine, postgres_url: str, tmp_path: Path
) -> None:
    settings = make_settings(postgres_url, tmp_path, shadow_seconds=1, shadow_queue_bytes=2**16)
    register_challenger(engine, settings, tmp_path / "hangs", version="2", module=Hanging(TRIAL))
    register_challenger(engine, settings, tmp_path / "hungry", version="3", module=Hungry(TRIAL))
    with gateway(settings, engine, tmp_path / "package", challengers=2) as client:
        for number in range(FILMS):
            send(client, film(number))
        until(lambda: ends(client, version="2").get("failed", 0) >= 1 and ends(client, version="3").get("failed", 0) >= 1)
        until(lambda: counted(client, "stepwedge_shadow_running", version="2") == 0)
        assert ends(client, version="2")["shed"] > 0
        send(client, film(FILMS))
        assert counted(client, "stepwedge_requests_recorded_total") == FILMS + 1


def test_a_challenger_with_the_champions_weights_needs_no_process(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    register(engine, settings, tmp_path / "package")
    with engine.begin() as connection:
        columns = "model, version, manifest, artifact_sha256, package, state, registered_at"
        twin = f"insert into model_versions ({columns}) select model, '2', manifest, artifact_sha256, package, 'shadow', now() from model_versions"
        connection.execute(text(twin))
    with serving(settings) as client:
        until_loaded(client)
        send(client, film(0))
        assert ends(client) == {}
    assert rows(engine) == {}
