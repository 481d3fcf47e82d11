"""With `Prefer: respond-async` a film is taken in durably, answered afterwards, and can be followed until it is."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine, text

from service.access import Role
from service.config import Settings
from tests.api.serving import DICOM, make_settings, process, register, serving, until, until_loaded
from tests.callers import issue
from tests.films import make_film, phantom

ASK = "/v1/models/chest/predictions"
LATER = {**DICOM, "Prefer": "wait=1, respond-async"}


def followed(client: httpx.Client, address: str) -> dict[str, object]:
    """What became of a request, once it has ended."""
    found: dict[str, object] = {}

    def ended() -> bool:
        reply = client.get(address)
        assert reply.status_code == 200, reply.text
        found.update(reply.json())
        return found["state"] in {"done", "failed"}

    until(ended)
    return found


def rows(engine: Engine, table: str = "predictions") -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())


def series(client: httpx.Client, name: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", client.get("/metrics").text, re.MULTILINE))


def files(settings: Settings) -> list[str]:
    return [path.name for path in settings.inbox_folder.rglob("*") if path.suffix in {".dcm", ".json", ".part"}]


def test_a_film_is_taken_in_and_answered_afterwards(client: httpx.Client, engine: Engine, settings: Settings) -> None:
    reply = client.post(ASK, content=make_film(), headers={**LATER, "Stepwedge-Site": "north", "Stepwedge-Priority": "stat"})
    assert (reply.status_code, reply.headers["preference-applied"]) == (202, "respond-async")
    taken = reply.json()
    assert reply.headers["location"] == taken["links"]["self"]
    assert (taken["state"], taken["model"], taken["site"], taken["priority"], taken["part"]) == ("queued", "chest", "north", "stat", 1)
    done = followed(client, reply.headers["location"])
    assert done["state"] == "done"
    prediction = client.get(done["links"]["prediction"]).json()  # type: ignore[index] # JSON
    assert (prediction["site"], prediction["received_at"]) == ("north", taken["received_at"])
    assert rows(engine) == 1
    assert client.get(taken["links"]["batch"]).json()["requests"] == [done]
    until(lambda: files(settings) == [])
    assert client.get(reply.headers["location"]).json() == done


def test_the_same_film_twice_is_one_prediction_and_a_key_is_honoured(client: httpx.Client, engine: Engine) -> None:
    film = make_film()
    ends = [followed(client, client.post(ASK, content=film, headers=LATER).headers["location"]) for _ in range(2)]
    assert ends[0]["links"]["prediction"] == ends[1]["links"]["prediction"]  # type: ignore[index] # JSON
    assert client.post(ASK, content=film, headers=DICOM).json()["replayed"] is True
    keyed = {**LATER, "Idempotency-Key": "order-7"}
    first, other = (
        followed(client, client.post(ASK, content=make_film(phantom(seed=n)), headers=keyed).headers["location"]) for n in (1, 2)
    )
    assert (first["state"], other["state"], other["problem"]["status"]) == ("done", "failed", 409)  # type: ignore[index] # JSON
    assert rows(engine) == 2
    until(lambda: series(client, "stepwedge_requests_in_progress") == 0)
    assert [series(client, f"stepwedge_requests_{name}_total") for name in ("received", "recorded", "replayed", "refused")] == [5, 2, 2, 1]


def test_each_instance_of_a_form_is_a_request_of_its_own(client: httpx.Client) -> None:
    form = [("file", ("a.dcm", body, "application/dicom")) for body in (make_film(), b"garbage", make_film(phantom(seed=3)))]
    reply = client.post(ASK, files=form, headers={"Prefer": "respond-async"})
    assert (reply.status_code, len(reply.json()["requests"])) == (202, 3)
    ends = [followed(client, one["links"]["self"]) for one in reply.json()["requests"]]
    assert [(end["part"], end["state"]) for end in ends] == [(1, "done"), (2, "failed"), (3, "done")]
    assert ends[1]["problem"]["type"] == "/problems/undecodable"  # type: ignore[index] # JSON
    assert client.get(reply.headers["location"]).json()["requests"] == ends


def test_what_cannot_be_taken_in_is_refused_at_once(client: httpx.Client, settings: Settings) -> None:
    for path, headers, status in (
        ("/v1/models/nothing/predictions", {}, 404),
        (ASK, {"Stepwedge-Priority": "soon"}, 400),
        (ASK, {"Content-Type": "image/png"}, 415),
        (ASK, {"film": "garbage"}, 400),
        (ASK, {"film": "MR"}, 422),
    ):
        kind = headers.pop("film", None)
        film = {None: make_film(), "garbage": b"garbage", "MR": make_film(Modality="MR")}[kind]
        reply = client.post(path, content=film, headers={**LATER, **headers})
        assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    assert files(settings) == []
    assert series(client, "stepwedge_requests_in_progress") == 0


def test_only_who_sent_it_and_who_may_read_can_follow(client: httpx.Client, settings: Settings) -> None:
    url = str(settings.database_url)
    own, other, reader = issue(url, "pacs", [Role.PREDICT]), issue(url, "router", [Role.PREDICT]), issue(url, "console", [Role.READ])
    until(lambda: client.get(f"/v1/requests/{uuid4()}", headers=reader).status_code == 404)
    address = client.post(ASK, content=make_film(), headers={**LATER, **own}).headers["location"]
    assert [client.get(address, headers=who).status_code for who in (own, other, reader)] == [200, 404, 200]
    batch = client.get(address, headers=own).json()["links"]["batch"]
    assert [len(client.get(batch, headers=who).json()["requests"]) for who in (own, other, reader)] == [1, 0, 1]


def test_a_full_inbox_says_so_and_takes_in_again_once_there_is_room(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    settings = make_settings(postgres_url, tmp_path, inbox_bytes=2**20)
    register(engine, settings, tmp_path / "package")
    big = make_film(phantom(700, 700))
    with serving(settings) as client:
        until_loaded(client)
        reply = client.post(ASK, content=big + bytes(400_000), headers=LATER)
        assert (reply.status_code, reply.json()["type"], reply.headers["retry-after"]) == (503, "/problems/inbox-full", "30")
        assert files(settings) == []
        assert client.post(ASK, content=make_film(), headers=LATER).status_code == 202


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 0)])
def test_what_an_ended_process_left_is_answered_once_by_the_next(
    postgres_url: str, engine: Engine, tmp_path: Path, number: int, code: int
) -> None:
    settings = make_settings(postgres_url, tmp_path)
    register(engine, settings, tmp_path / "package")
    films = [make_film(phantom(seed=n)) for n in range(25)]
    form = [("file", ("a.dcm", film, "application/dicom")) for film in films]
    with process(settings, tmp_path / "log", code) as (pid, client):
        until_loaded(client)
        taken = client.post(ASK, files=form, headers={"Prefer": "respond-async"}).json()["requests"]
        os.kill(pid, number)
    addresses = [one["links"]["self"] for one in taken]
    assert len(files(settings)) > 0
    with serving(settings) as client:
        until_loaded(client)
        assert {followed(client, address)["state"] for address in addresses} == {"done"}
        until(lambda: files(settings) == [])
    assert rows(engine) == len(films)
    assert list(settings.inbox_folder.iterdir()) == []
