"""Promotion and roll-back under load: no request fails, and the version in the replies switches once each way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count, groupby
from pathlib import Path

import httpx
from sqlalchemy import Engine

from service.config import Settings
from service.remedies.decide import Decision, approve
from service.remedies.handover import hand_over
from service.store.remedies import Remedy
from tests.api.package import make_package
from tests.api.serving import DICOM, until
from tests.callers import AUTHORIZED
from tests.films import make_film, phantom
from tests.remedies.builders import make_remedy

WHY = {"reason": "better on the same films"}


def handed_over(engine: Engine) -> Remedy:
    now, remedy = datetime.now(UTC), make_remedy(engine, "retrain", kind="performance")
    with engine.begin() as connection:
        approve(connection, Decision(remedy.id, now, "owner", "labels agree"))
        hand_over(connection, remedy.id, now)
    return remedy


@contextmanager
def load(settings: Settings, senders: int = 3) -> Iterator[list[list[tuple[int, str]]]]:
    """Senders of ever new films until the block ends; what each of them was answered: status and version."""
    stop, seeds = threading.Event(), count()
    answers: list[list[tuple[int, str]]] = [[] for _ in range(senders)]

    def send(mine: list[tuple[int, str]]) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", headers=AUTHORIZED, timeout=60, trust_env=False) as client:
            while not stop.is_set():
                reply = client.post("/v1/models/chest/predictions", content=make_film(phantom(seed=next(seeds))), headers=DICOM)
                mine.append((reply.status_code, reply.json().get("version", "")))

    threads = [threading.Thread(target=send, args=(mine,)) for mine in answers]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def test_no_request_fails_and_versions_switch_once_each_way(
    client: httpx.Client, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    remedy = handed_over(engine)
    package = make_package(Path(settings.object_folder) / "retrained", version="2", seed=1)
    brought = client.post(f"/v1/remedies/{remedy.id}/challenger", json={"package": package.name})
    assert (brought.status_code, brought.json()["challenger"]) == (200, "2")
    assert client.post(f"/v1/remedies/{remedy.id}/promote", json=WHY).json()["type"] == "/problems/not-passed"
    with load(settings) as answers:

        def all_see(version: str) -> bool:
            return all(mine and mine[-1][1] == version for mine in answers)

        until(lambda: all_see("1"))
        assert client.post(f"/v1/remedies/{remedy.id}/promote", json={**WHY, "force": True}).json()["state"] == "promoted"
        until(lambda: all_see("2"))
        assert client.post("/v1/models/chest/roll-back", json={"reason": "worse at night"}).status_code == 200
        until(lambda: all_see("1"))
    assert {status for mine in answers for status, _ in mine} == {200}
    assert [[version for version, _ in groupby(version for _, version in mine)] for mine in answers] == [["1", "2", "1"]] * 3
    told = client.get("/v1/models/chest/promotions").json()
    assert [(one["version"], one["former"], one["deed"]) for one in told] == [
        ("1", "2", "rolled_back"),
        ("2", "1", "promoted"),
        ("1", None, "registered"),
    ]
    assert client.post("/v1/models/chest/roll-back", json=WHY).json()["type"] == "/problems/no-former-version"


def test_a_challenger_whose_package_is_nowhere_is_a_bad_request(client: httpx.Client, engine: Engine) -> None:
    remedy = handed_over(engine)
    reply = client.post(f"/v1/remedies/{remedy.id}/challenger", json={"package": "nowhere"})
    assert (reply.status_code, reply.json()["type"]) == (400, "/problems/invalid-request")


def test_evidence_that_is_not_made_yet_is_not_found(client: httpx.Client, engine: Engine) -> None:
    reply = client.get(f"/v1/remedies/{make_remedy(engine).id}/evidence")
    assert (reply.status_code, reply.json()["type"]) == (404, "/problems/no-review")
