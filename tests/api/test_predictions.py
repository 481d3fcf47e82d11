"""A film is sent, answered, recorded once and found again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from math import exp
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, text

from service.config import Settings
from service.store.ids import time_of
from tests.api.serving import DICOM, make_settings, register, serving, until, until_loaded
from tests.films import make_film, phantom

ASK = "/v1/models/chest/predictions"


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("select count(*) from predictions")).scalar_one())


def form(*films: bytes, kind: str | None = "application/dicom") -> list[tuple[str, tuple[str, bytes, str] | tuple[str, bytes]]]:
    return [("file", ("film.dcm", film, kind) if kind else ("film.dcm", film)) for film in films]


def test_a_film_is_answered_recorded_and_found_again(client: httpx.Client, engine: Engine) -> None:
    before = datetime.now(UTC)
    reply = client.post(ASK, content=make_film(), headers=DICOM)
    assert reply.status_code == 200
    answer = reply.json()
    assert (answer["model"], answer["version"], answer["site"], answer["replayed"]) == ("chest", "1", "main", False)
    assert [finding["name"] for finding in answer["findings"]] == ["opacity", "effusion"]
    for finding in answer["findings"]:
        assert finding["probability"] == pytest.approx(1 / (1 + exp(-finding["logit"])))
        assert finding["positive"] == (finding["probability"] >= finding["threshold"])
    moment = datetime.fromisoformat(answer["received_at"])
    assert before <= moment <= datetime.now(UTC)
    assert time_of(UUID(answer["id"])) == moment
    assert rows(engine) == 1
    again = client.get(answer["links"]["self"])
    assert again.json() == {**answer, "replayed": True}


def test_the_same_film_again_gets_the_first_answer_and_adds_no_row(client: httpx.Client, engine: Engine) -> None:
    film = make_film()
    first, again = (client.post(ASK, content=film, headers=DICOM).json() for _ in range(2))
    assert again == {**first, "replayed": True}
    assert rows(engine) == 1


def test_a_router_that_rewrites_the_patient_sends_the_same_film(client: httpx.Client, engine: Engine) -> None:
    first = client.post(ASK, content=make_film(SOPInstanceUID="1.2.3.4"), headers=DICOM).json()
    again = client.post(ASK, content=make_film(SOPInstanceUID="1.2.3.4", PatientID="other"), headers=DICOM).json()
    assert again["id"] == first["id"]
    assert rows(engine) == 1


def test_a_uid_that_comes_again_with_other_pixels_is_a_conflict(client: httpx.Client, engine: Engine) -> None:
    assert client.post(ASK, content=make_film(SOPInstanceUID="1.2.3.4"), headers=DICOM).status_code == 200
    reply = client.post(ASK, content=make_film(phantom(seed=7), SOPInstanceUID="1.2.3.4"), headers=DICOM)
    assert (reply.status_code, reply.json()["type"]) == (409, "/problems/conflict")
    assert rows(engine) == 1


def nameless(film: bytes) -> bytes:
    """The film without its UID, which only its file meta information still has: pydicom itself writes no such film."""
    head, uid, tail = film.rpartition(b"1.2.3.4\0")
    return head + len(uid) * b"\0" + tail


def test_a_film_without_uid_is_known_by_its_pixels(client: httpx.Client, engine: Engine) -> None:
    films = [nameless(make_film(SOPInstanceUID="1.2.3.4", PatientID=who)) for who in ("a", "b")]
    answers = [client.post(ASK, content=film, headers=DICOM).json() for film in films]
    assert answers[0]["id"] == answers[1]["id"]
    assert client.post(ASK, content=nameless(make_film(phantom(seed=7), SOPInstanceUID="1.2.3.4")), headers=DICOM).status_code == 200
    assert rows(engine) == 2


def test_a_key_of_the_caller_makes_a_retry_safe_and_is_not_reusable(client: httpx.Client, engine: Engine) -> None:
    headers = {**DICOM, "Idempotency-Key": "order-7"}
    film = make_film()
    first, again = (client.post(ASK, content=film, headers=headers).json() for _ in range(2))
    assert (again["id"], again["replayed"]) == (first["id"], True)
    other = client.post(ASK, content=make_film(phantom(seed=7)), headers=headers)
    assert other.status_code == 409
    assert rows(engine) == 1


def test_concurrent_twins_give_exactly_one_row(client: httpx.Client, engine: Engine) -> None:
    film = make_film()
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: client.post(ASK, content=film, headers=DICOM), range(36)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["id"] for reply in replies}) == 1
    assert sum(not reply.json()["replayed"] for reply in replies) == 1
    assert rows(engine) == 1


def test_a_form_with_one_instance_is_answered_like_a_body(client: httpx.Client) -> None:
    film = make_film()
    body = client.post(ASK, content=film, headers=DICOM).json()
    for kind in ("application/dicom", "application/octet-stream", None):
        assert client.post(ASK, files=form(film, kind=kind)).json() == {**body, "replayed": True}


def test_in_a_form_one_refused_instance_does_not_hide_the_others(client: httpx.Client, engine: Engine) -> None:
    good, better = make_film(), make_film(phantom(seed=7))
    reply = client.post(ASK, files=form(good, b"garbage", better) + form(b"\x89PNG", kind="image/png"))
    assert reply.status_code == 207
    results = reply.json()["results"]
    assert [list(result) for result in results] == [["prediction"], ["problem"], ["prediction"], ["problem"]]
    assert [result["problem"]["status"] for result in results if "problem" in result] == [400, 415]
    assert rows(engine) == 2
    assert client.post(ASK, files=form(good, better)).status_code == 200


def test_a_key_on_a_form_is_a_key_for_each_of_its_instances(client: httpx.Client, engine: Engine) -> None:
    films = form(make_film(), make_film(phantom(seed=7)))
    first, again = (client.post(ASK, files=films, headers={"Idempotency-Key": "order-8"}).json() for _ in range(2))
    assert [result["prediction"]["id"] for result in first["results"]] == [result["prediction"]["id"] for result in again["results"]]
    assert rows(engine) == 2


def test_the_site_is_the_service_s_own_or_the_one_that_asks(client: httpx.Client) -> None:
    assert client.post(ASK, content=make_film(), headers=DICOM).json()["site"] == "main"
    assert client.post(ASK, content=make_film(), headers={**DICOM, "Stepwedge-Site": "north"}).json()["site"] == "north"


def test_a_chunked_body_needs_no_length(client: httpx.Client) -> None:
    film = make_film()
    halves = (half for half in (film[:1000], film[1000:]))
    assert client.post(ASK, content=halves, headers=DICOM).status_code == 200


def test_a_replay_brings_its_own_clock_where_that_is_allowed(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    settings = make_settings(postgres_url, tmp_path, replay_clock=True)
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        reply = client.post(ASK, content=make_film(), headers={**DICOM, "Stepwedge-Received-At": "2025-12-31T23:30:00+01:00"})
        assert reply.json()["received_at"] == "2025-12-31T22:30:00Z"
        for wrong in ("yesterday", "2025-12-31T23:30:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
            refused = client.post(ASK, content=make_film(), headers={**DICOM, "Stepwedge-Received-At": wrong})
            assert (refused.status_code, refused.json()["type"]) == (400, "/problems/invalid-request")


def test_a_new_version_takes_over_within_seconds_and_no_film_is_lost_to_the_change(
    client: httpx.Client, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    register(engine, settings, tmp_path / "second", version="2", seed=1)
    versions: list[str] = []

    def taken_over() -> bool:
        reply = client.post(ASK, content=make_film(), headers=DICOM)
        assert reply.status_code == 200
        versions.append(reply.json()["version"])
        return versions[-1] == "2"

    until(taken_over)
    assert versions == sorted(versions)


def test_a_new_version_answers_a_known_film_anew_and_the_old_answer_stays(
    client: httpx.Client, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    film = make_film()
    first = client.post(ASK, content=film, headers=DICOM).json()
    register(engine, settings, tmp_path / "second", version="2", seed=1, findings=("opacity",))
    until_loaded(client, version="2")
    second = client.post(ASK, content=film, headers=DICOM).json()
    assert (second["replayed"], second["version"], len(second["findings"])) == (False, "2", 1)
    assert client.get(first["links"]["self"]).json() == {**first, "replayed": True}
