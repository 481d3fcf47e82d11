"""What readers state reaches the record, once, and nobody's name with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import Engine, text

from service.api.label_stream import csv_line, json_line
from service.api.statements import Line
from service.errors import LabelError
from tests.api.serving import DICOM, make_settings, register, serving, until_loaded
from tests.films import ACCESSION, make_film, phantom

ASK = "/v1/models/chest/predictions"
NDJSON = {"Content-Type": "application/x-ndjson"}
CSV = {"Content-Type": "text/csv; charset=utf-8"}
WORD = {"finding": "opacity", "value": 1, "source": "report", "made_at": "2026-03-02T15:30:00Z"}
READER = "Dr. Agathe Zimmermann"


def predict(client: httpx.Client, **attributes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(ASK, content=make_film(**attributes), headers=DICOM).json()
    return answer


def stored(engine: Engine) -> list[tuple[str, float]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("select finding, value from labels order by finding, made_at"))]


def upload(client: httpx.Client, *lines: object, headers: dict[str, str] | None = None) -> httpx.Response:
    body = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    return client.post("/v1/labels", content=body.encode(), headers=headers or NDJSON)


def test_a_statement_is_added_once_however_often_it_is_sent(client: httpx.Client, engine: Engine) -> None:
    address = predict(client)["links"]["labels"]
    first, again = (client.put(address, json=[WORD, {**WORD, "finding": "effusion", "value": 0.25}]).json() for _ in range(2))
    assert (first["received"], first["added"], again["added"]) == (2, 2, 0)
    assert stored(engine) == [("effusion", 0.25), ("opacity", 1.0)]


def test_a_correction_stands_beside_what_it_corrects(client: httpx.Client, engine: Engine) -> None:
    address = predict(client)["links"]["labels"]
    client.put(address, json=[WORD])
    client.put(address, json=[{**WORD, "value": 0, "made_at": "2026-03-03T08:00:00Z"}])
    assert stored(engine) == [("opacity", 1.0), ("opacity", 0.0)]


def test_a_reader_is_kept_as_a_pseudonym(client: httpx.Client, engine: Engine) -> None:
    client.put(predict(client)["links"]["labels"], json=[{**WORD, "reader": READER}])
    with engine.connect() as connection:
        reader = connection.execute(text("select reader from labels")).scalar_one()
    assert len(bytes(reader)) == 16
    assert READER.encode() not in bytes(reader)


@pytest.mark.parametrize(
    ("change", "location"),
    [
        ({"value": 1.5}, "body.0.value"),
        ({"value": "NaN"}, "body.0.value"),
        ({"value": False}, "body.0.value"),
        ({"finding": "Opacity!"}, "body.0.finding"),
        ({"made_at": "2026-03-02T15:30:00"}, "body.0.made_at"),
        ({"made_at": "0001-01-01T00:00:00+14:00"}, "body.0.made_at"),
        ({"patient": READER}, "body.0"),
        ({"source": READER + "\0"}, "body.0.source"),
    ],
)
def test_a_field_that_is_not_valid_is_named_but_not_repeated(shared: httpx.Client, change: dict[str, object], location: str) -> None:
    reply = shared.put(predict(shared)["links"]["labels"], json=[{**WORD, **change}])
    assert (reply.status_code, reply.json()["type"]) == (400, "/problems/invalid-request")
    assert [error["location"] for error in reply.json()["errors"]] == [location]
    assert "Zimmermann" not in reply.text
    assert "patient" not in reply.text


def test_bodies_that_are_no_statements(shared: httpx.Client) -> None:
    address = predict(shared)["links"]["labels"]
    assert shared.put(address, content=b"[{", headers={"Content-Type": "application/json"}).status_code == 400
    assert shared.put(address, json=[]).status_code == 400
    assert shared.put(address, content=b"[]", headers={"Content-Type": "text/plain"}).status_code == 415
    assert shared.put(address, content=(1 << 21) * b" ", headers={"Content-Type": "application/json"}).status_code == 413
    assert shared.put(f"/v1/predictions/{uuid4()}/labels", json=[WORD]).json()["type"] == "/problems/unknown-prediction"
    unknown = shared.put(address, json=[WORD, {**WORD, "finding": "fracture"}])
    assert unknown.json()["type"] == "/problems/unknown-finding"


def test_one_unknown_finding_keeps_the_whole_put_out(client: httpx.Client, engine: Engine) -> None:
    client.put(predict(client)["links"]["labels"], json=[WORD, {**WORD, "finding": "fracture"}])
    assert stored(engine) == []


def test_an_upload_takes_what_it_can_and_says_what_it_could_not(client: httpx.Client, engine: Engine) -> None:
    prediction = predict(client)["id"]
    reply = upload(
        client,
        {**WORD, "prediction": prediction},
        "\n",
        "{not json\n",
        {**WORD, "prediction": str(uuid4())},
        {**WORD, "prediction": prediction, "value": 2},
        {**WORD, "prediction": prediction, "finding": "fracture"},
        {**WORD},
        "[1]\n",
        {**WORD, "prediction": prediction, "finding": "effusion"},
    )
    assert reply.status_code == 207
    body = reply.json()
    assert {name: body[name] for name in ("received", "accepted", "refused", "added")} == {
        "received": 8,
        "accepted": 2,
        "refused": 6,
        "added": 2,
    }
    assert [(error["line"], error["type"].rpartition("/")[2]) for error in body["errors"]] == [
        (3, "invalid-label"),
        (4, "unknown-prediction"),
        (5, "invalid-label"),
        (6, "unknown-finding"),
        (7, "invalid-label"),
        (8, "invalid-label"),
    ]
    assert stored(engine) == [("effusion", 1.0), ("opacity", 1.0)]


def test_a_statement_on_an_accession_is_one_on_each_of_its_films(client: httpx.Client, engine: Engine) -> None:
    for seed in (1, 2):
        predict(client, pixels=phantom(seed=seed))
    predict(client, AccessionNumber="another")
    reply = upload(client, {**WORD, "accession": ACCESSION})
    assert (reply.status_code, reply.json()["accepted"], reply.json()["added"]) == (200, 1, 2)
    assert len(stored(engine)) == 2


def test_a_statement_by_instance_and_for_one_model_only(client: httpx.Client, engine: Engine) -> None:
    predict(client, SOPInstanceUID="1.2.3.4")
    assert upload(client, {**WORD, "instance": "1.2.3.4", "model": "knee"}).json()["refused"] == 1
    assert upload(client, {**WORD, "instance": "1.2.3.4", "model": "chest"}).json()["added"] == 1


def test_csv_says_the_same(client: httpx.Client, engine: Engine) -> None:
    prediction = predict(client)["id"]
    header = "\ufeffprediction,finding,value,source,reader,made_at\r\n"
    reply = upload(
        client,
        header,
        f'{prediction},opacity,0.5,"report, second",,2026-03-02T15:30:00Z\r\n',
        f"{prediction},effusion,1,report,{READER},2026-03-02T16:30:00+01:00\r\n",
        f"{prediction},effusion,1,report\r\n",
        f'{prediction},"effusion,1,report,,2026-03-02T15:30:00Z\r\n',
        f"{prediction},effusion,1,report,,2026-03-02T15:30:01Z",
        headers=CSV,
    )
    body = reply.json()
    assert (body["received"], body["added"]) == (5, 2)
    assert [error["line"] for error in body["errors"]] == [2, 4, 5]
    assert READER not in reply.text
    assert stored(engine) == [("effusion", 1.0), ("effusion", 1.0)]


def test_uploads_that_are_refused_as_a_whole(shared: httpx.Client) -> None:
    assert upload(shared, headers={"Content-Type": "application/json"}).status_code == 415
    assert upload(shared, "patient,finding\n", headers=CSV).json()["type"] == "/problems/invalid-label"
    assert shared.post("/v1/labels", content=20_000 * b"x", headers=NDJSON).status_code == 413
    assert upload(shared).json() == {"received": 0, "accepted": 0, "refused": 0, "waiting": 0, "added": 0, "errors": []}


def test_an_upload_of_thousands_streams_through(client: httpx.Client, engine: Engine) -> None:
    prediction = predict(client)["id"]

    def lines() -> Iterator[bytes]:
        for second in range(2500):
            moment = f"2026-03-02T15:{second // 60:02}:{second % 60:02}Z"
            yield json.dumps({**WORD, "prediction": prediction, "made_at": moment}).encode() + b"\n"
            yield b'{"refused": true}\n'

    reply = client.post("/v1/labels", content=lines(), headers=NDJSON)
    body = reply.json()
    assert (body["received"], body["accepted"], body["added"], body["refused"]) == (5000, 2500, 2500, 2500)
    assert len(body["errors"]) == 1000
    assert len(stored(engine)) == 2500


def test_labels_of_a_replay_bring_their_own_clock(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    settings = make_settings(postgres_url, tmp_path, replay_clock=True)
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        clock = {"Stepwedge-Received-At": "2026-03-20T08:00:00Z"}
        answer = client.post(ASK, content=make_film(), headers={**DICOM, "Stepwedge-Received-At": "2026-03-02T09:10:00Z"}).json()
        client.put(answer["links"]["labels"], json=[WORD], headers=clock)
        upload(client, {**WORD, "prediction": answer["id"], "finding": "effusion"}, headers={**NDJSON, **clock})
    with engine.connect() as connection:
        moments = set(connection.scalars(text("select received_at from labels")))
        hours = set(connection.scalars(text("select hour from tally_marks")))
    assert [moment.isoformat() for moment in moments] == ["2026-03-20T08:00:00+00:00"]
    assert [hour.isoformat() for hour in hours] == ["2026-03-02T09:00:00+00:00"]


def test_without_replay_nobody_brings_a_clock(shared: httpx.Client) -> None:
    reply = shared.put(predict(shared)["links"]["labels"], json=[WORD], headers={"Stepwedge-Received-At": "2026-03-20T08:00:00Z"})
    assert reply.status_code == 403


def test_an_import_that_broke_off_goes_on_where_it_stopped(client: httpx.Client, engine: Engine) -> None:
    prediction, named = predict(client)["id"], {"Stepwedge-Import": "digest-of-the-file"}
    header = "prediction,finding,value,source,made_at\n"
    body = [f"{prediction},opacity,1,report,2026-03-02T15:{number:02}:00Z\n" for number in range(30)]
    assert client.get("/v1/labels/imports/digest-of-the-file").json()["type"] == "/problems/unknown-import"
    assert upload(client, header, *body[:10], headers=CSV | named).json()["added"] == 10
    assert client.get("/v1/labels/imports/digest-of-the-file").json()["lines"] == 11
    elsewhere = upload(client, header, *body[10:], headers=CSV | named | {"Stepwedge-Import-From": "7"})
    assert (elsewhere.status_code, "11 lines were read" in elsewhere.json()["detail"]) == (409, True)
    rest = upload(client, header, *body[10:], "nonsense\n", headers=CSV | named | {"Stepwedge-Import-From": "11"})
    assert {name: rest.json()[name] for name in ("received", "accepted", "refused", "added")} == {
        "received": 31,
        "accepted": 30,
        "refused": 1,
        "added": 30,
    }
    assert [error["line"] for error in rest.json()["errors"]] == [32]
    progress = client.get("/v1/labels/imports/digest-of-the-file").json()
    assert progress == {"lines": 32, "accepted": 30, "refused": 1, "waiting": 0, "added": 30, "finished": True}
    assert len(stored(engine)) == 30
    again = upload(client, header, *body, headers=CSV | named)
    assert (again.json()["accepted"], again.json()["added"]) == (30, 0)


def test_what_is_carried_on_needs_a_name(shared: httpx.Client) -> None:
    assert upload(shared, headers=NDJSON | {"Stepwedge-Import-From": "3"}).status_code == 409


def test_a_label_of_a_film_that_is_yet_to_come_is_accepted_and_waits(client: httpx.Client, engine: Engine) -> None:
    line = {**WORD, "accession": "A-not-yet"}
    body = upload(client, line, {**line, "finding": "fracture"}, {**line, "model": "knee"}).json()
    assert (body["accepted"], body["waiting"], body["added"], body["refused"]) == (1, 1, 0, 2)
    assert [error["type"].rpartition("/")[2] for error in body["errors"]] == ["unknown-finding", "unknown-model"]
    with engine.connect() as connection:
        waiting = [bytes(one) for one in connection.scalars(text("select accession from waiting_labels"))]
    assert [b"A-not-yet" in one for one in waiting] == [False]


@pytest.mark.parametrize(
    "change",
    [
        {"value": None},
        {"assessment": "accepted"},
        {"uncertain": True},
        {"value": None, "assessment": "fine"},
        {"tier": "rumour"},
        {"supersedes": "that one"},
    ],
)
def test_a_word_says_one_thing_in_known_terms(shared: httpx.Client, change: dict[str, object]) -> None:
    reply = shared.put(predict(shared)["links"]["labels"], json=[{**WORD, **change}])
    assert reply.json()["type"] == "/problems/invalid-request"


def test_every_statement_is_listed_with_the_id_that_a_correction_names(client: httpx.Client) -> None:
    address = predict(client)["links"]["labels"]
    client.put(
        address, json=[{**WORD, "tier": "panel", "reader": READER}, {**WORD, "finding": "effusion", "value": None, "uncertain": True}]
    )
    first = next(one for one in client.get(address).json() if one["finding"] == "opacity")
    assert (first["value"], first["tier"], READER in str(first)) == (1.0, "panel", False)
    client.put(address, json=[{**WORD, "value": None, "assessment": "rejected", "supersedes": first["id"]}])
    listed = client.get(address).json()
    assert [(one["finding"], one["assessment"]) for one in listed if one["supersedes"] == first["id"]] == [("opacity", "rejected")]
    assert [one["value"] for one in listed if one["finding"] == "effusion"] == [None]


def test_a_worklist_needs_a_model_with_a_reference_and_known_terms(shared: httpx.Client) -> None:
    assert shared.get("/v1/models/chest/worklist").json()["type"] == "/problems/no-reference"
    assert shared.get("/v1/models/knee/worklist").json()["type"] == "/problems/unknown-model"
    for terms in ({"n": 0}, {"n": 10**6}, {"seed": -1}, {"until": "2026-03-02"}, {"patient": READER}):
        reply = shared.get("/v1/models/chest/worklist", params=terms)
        assert (reply.status_code, READER in reply.text) == (400, False)


@given(st.binary(max_size=200).filter(lambda line: b"\n" not in line))
def test_any_line_is_a_statement_or_an_error_that_says_so(line: bytes) -> None:
    for parse in (json_line, csv_line(b"finding,value,source,made_at,prediction")):
        with suppress(LabelError, ValidationError):
            assert isinstance(parse(line), Line)
