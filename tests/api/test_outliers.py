"""From films over HTTP to a reference, and from there to flags: the negative and the odd film are told from the ordinary one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine

from service.config import Settings
from service.store.models import champions
from service.worker.reference import build_reference
from tests.api.serving import DICOM, make_settings, register, serving, until, until_loaded
from tests.films import make_film
from tests.gateway.test_duplicates import chest

ASK = "/v1/models/chest/predictions"
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
DAYS, A_DAY = 10, 42


@pytest.fixture
def settings(postgres_url: str, tmp_path: Path) -> Settings:
    return make_settings(postgres_url, tmp_path, replay_clock=True)


@pytest.fixture
def client(settings: Settings, engine: Engine, tmp_path: Path) -> Iterator[httpx.Client]:
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        yield client


def send(client: httpx.Client, pixels: NDArray[np.float64], at: datetime = BEGIN + timedelta(days=DAYS)) -> dict[str, object]:
    film = make_film(np.clip(pixels, 0, 4095).astype(np.uint16))
    reply = client.post(ASK, content=film, headers={**DICOM, "Stepwedge-Received-At": at.isoformat()})
    assert reply.status_code == 200, reply.text
    answer: dict[str, object] = reply.json()
    return answer


def test_the_reference_tells_an_odd_film_and_a_negative_from_an_ordinary_one(client: httpx.Client, engine: Engine) -> None:
    moments = [BEGIN + timedelta(days=number // A_DAY, minutes=number) for number in range(DAYS * A_DAY)]
    with ThreadPoolExecutor(4) as threads:
        first = list(threads.map(lambda number: send(client, chest(number), moments[number]), range(len(moments))))
    assert {answer["ood_distance"] for answer in first} == {None}, "there is no reference yet"
    with engine.connect() as connection:
        (version,) = champions(connection)
    build_reference(engine, version, BEGIN, BEGIN + timedelta(days=DAYS), at=BEGIN + timedelta(days=DAYS))
    until(lambda: send(client, chest(5000))["ood_distance"] is not None, 30)
    ordinary = [send(client, chest(6000 + number)) for number in range(20)]
    assert sum("out_of_distribution" in answer["flags"] for answer in ordinary) <= 1  # type: ignore[operator] # a list
    assert np.median([answer["ood_distance"] for answer in ordinary]) < 1.0
    noise = send(client, np.random.default_rng(0).uniform(0, 4095, (200, 180)))
    assert noise["flags"] == ["out_of_distribution"]
    assert client.get(f"/v1/predictions/{noise['id']}").json()["ood_distance"] == pytest.approx(noise["ood_distance"], rel=1e-5)
    until(lambda: "inverted" in send(client, 4095 - chest(np.random.default_rng().integers(10**6)))["flags"], 30)  # type: ignore[operator] # a list
    assert "inverted" not in send(client, chest(8000))["flags"]  # type: ignore[operator] # a list
