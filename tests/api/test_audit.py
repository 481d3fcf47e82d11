"""Who looked at what, who stated what and who was denied is in the audit log, without flooding it and without a patient."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine

from service.config import Settings
from service.store.audit import entries
from service.store.chain import Entry, walk
from tests.api.serving import DICOM, register, serving, until_loaded
from tests.films import ACCESSION, make_film

ASK = "/v1/models/chest/predictions"
WORD = {"finding": "opacity", "value": 1, "source": "report", "made_at": "2026-03-02T15:30:00Z"}


def written(engine: Engine) -> list[Entry]:
    with engine.connect() as connection:
        return list(entries(connection))


@pytest.fixture
def log(settings: Settings, engine: Engine, tmp_path: Path) -> list[Entry]:
    """What is in the log once a gateway has stopped that was used in many ways."""
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        use(client)
    found = written(engine)
    assert walk(found).broken is None
    return found


def use(client: httpx.Client) -> None:
    film = client.post(ASK, content=make_film(), headers=DICOM).json()["id"]
    for _ in range(3):
        assert client.get(f"/v1/predictions/{film}").status_code == 200
    client.get(f"/v1/predictions/{uuid4()}")
    client.put(f"/v1/predictions/{film}/labels", json=[WORD])
    line = json.dumps({**WORD, "accession": ACCESSION}) + "\n"
    client.post("/v1/labels", content=line, headers={"Content-Type": "application/x-ndjson"})
    for _ in range(50):
        client.get("/v1/models", headers={"Authorization": "Bearer wrong"})


def test_deeds_of_a_caller(log: list[Entry]) -> None:
    by_deed = {entry.act.deed.value: entry.act for entry in log}
    assert set(by_deed) == {"model.registered", "prediction.read", "labels.stated", "labels.imported", "access.denied"}
    assert sum(int(str(entry.act.details["count"])) for entry in log if entry.act.deed == "prediction.read") == 3
    assert {entry.act.actor for entry in log if entry.act.deed == "prediction.read"} == {"tests"}
    assert by_deed["labels.imported"].details == {"received": 1, "accepted": 1, "refused": 0, "added": 0}


def test_denials_are_counted_not_listed(log: list[Entry]) -> None:
    denied = [entry.act for entry in log if entry.act.deed == "access.denied"]
    assert [(act.actor, act.subject, act.details) for act in denied] == [("anonymous", "read", {"reason": "unauthenticated", "count": 50})]
