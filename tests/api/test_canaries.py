"""A challenger answers in part: a patient's films go one way, whole sites go with it, one call ends it, and a film that it fails on is answered all the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, text

from service.config import Settings
from service.domain import ModelVersion
from service.models.registry import register_package
from service.remedies.decide import Decision, approve
from service.remedies.handover import hand_over, take_challenger
from service.store.models import champion
from service.store.remedy_steps import held
from service.store.shadow_predictions import count_shadows
from tests.api.package import make_package
from tests.api.serving import DICOM, until
from tests.films import make_film, phantom
from tests.remedies.builders import make_remedy
from tests.shadow.packages import Failing, register_challenger

LOADED = 30
"""Films that a model is shown while it is loaded, or a few more."""
WHY = {"reason": "seen at work first", "force": True}


@pytest.fixture
def remedy(client: httpx.Client, engine: Engine, settings: Settings, tmp_path: Path) -> UUID:
    """A retraining of `chest` 1 that brought version 2, which predicts in its shadow."""
    package = make_package(tmp_path / "challenger", version="2", seed=1)
    return hand_over_to(engine, register_package(engine, settings.object_folder, package, at=datetime.now(UTC), state="shadow"))


def hand_over_to(engine: Engine, version: ModelVersion) -> UUID:
    now, made = datetime.now(UTC), make_remedy(engine, "retrain", kind="performance")
    with engine.begin() as connection:
        approve(connection, Decision(made.id, now, "owner", "labels agree"))
        hand_over(connection, made.id, now)
        take_challenger(connection, held(connection, made.id), version, at=now, actor="trainer")
    return made.id


def answered_by(client: httpx.Client, seed: int, patient: str, site: str = "north") -> str:
    """Which version answers a film of a patient."""
    film = make_film(phantom(seed=seed), PatientID=patient)
    reply = client.post("/v1/models/chest/predictions", content=film, headers={**DICOM, "Stepwedge-Site": site})
    assert reply.status_code == 200, reply.text
    version: str = reply.json()["version"]
    return version


def seen_by_champion(engine: Engine) -> int:
    """Films of the challenger that the champion saw in its shadow."""
    with engine.connect() as connection:
        return count_shadows(connection, champion(connection, "chest").id)


def part(client: httpx.Client, remedy: UUID, **part: Any) -> None:
    reply = client.post(f"/v1/remedies/{remedy}/canary", json={**WHY, **part})
    assert (reply.status_code, reply.json()["state"]) == (200, "challenged"), reply.text


def test_a_share_of_patients_or_a_site_is_the_challengers_until_one_call_ends_it(
    client: httpx.Client, engine: Engine, remedy: UUID
) -> None:
    part(client, remedy, share=0.5)
    seeds = iter(range(1000))
    until(lambda: answered_by(client, next(seeds), f"early {next(seeds)}") == "2")
    first = {f"patient {number}": answered_by(client, next(seeds), f"patient {number}") for number in range(16)}
    assert set(first.values()) == {"1", "2"}
    assert {name: answered_by(client, next(seeds), name) for name in first} == first
    until(lambda: 'stepwedge_shadow_running{model="chest",version="1"} 1.0' in client.get("/metrics").text)
    part(client, remedy, sites=["south"])
    until(lambda: answered_by(client, next(seeds), "a patient", "south") == "2" and seen_by_champion(engine))
    assert {answered_by(client, next(seeds), name) for name in first} == {"1"}
    assert client.post(f"/v1/remedies/{remedy}/canary/abort", json={"reason": "enough seen"}).status_code == 200
    until(lambda: answered_by(client, next(seeds), "a patient", "south") == "1")
    ended, before = client.get("/v1/models/chest/canaries").json()
    assert (ended["sites"], ended["end_reason"], before["share"]) == (["south"], "enough seen", 0.5)
    with engine.connect() as connection:
        counted = "select v.version, v.id, count(*) from predictions p join model_versions v on v.id = p.model_version group by 1, 2"
        films = {version: (identifier, count) for version, identifier, count in connection.execute(text(counted))}
    assert 0 < ended["answered"] + before["answered"] <= films["2"][1]


def test_what_cannot_be_begun_says_why(client: httpx.Client, remedy: UUID) -> None:
    address = f"/v1/remedies/{remedy}/canary"
    assert client.post(address, json={"reason": "no part"}).json()["type"] == "/problems/invalid-request"
    assert client.post(address, json={"reason": "not passed", "share": 0.1}).json()["type"] == "/problems/not-passed"
    assert client.post(f"/v1/remedies/{UUID(int=1)}/canary/abort", json={"reason": "none"}).status_code == 404


def test_a_film_that_the_challenger_fails_on_is_answered_by_the_champion(
    client: httpx.Client, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    made = hand_over_to(engine, register_challenger(engine, settings, tmp_path / "challenger", module=Failing(LOADED + 2)))
    part(client, made, sites=["south"])
    seeds = iter(range(100))
    until(lambda: answered_by(client, next(seeds), "a patient", "south") == "2")
    until(lambda: answered_by(client, next(seeds), "a patient", "south") == "1")
    assert {answered_by(client, next(seeds), "a patient", "south") for _ in range(4)} == {"1"}
    assert client.get("/v1/models/chest/canaries").json()[0]["ended_at"] is None
