"""Nothing that names a person, a film or a device leaves the door: not in the database, the metrics, the logs or a reply."""

from __future__ import annotations

import json
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from sqlalchemy import Engine, text

from service.config import Settings
from tests.api.serving import DICOM, process, register, until, until_loaded
from tests.films import ACCESSION, NAMES, make_film, phantom
from tests.postgres import pg_dump

ASK = "/v1/models/chest/predictions"
READER = "Dr. Reader-Readerson"
ORDER = "order-of-PID-4711-0815"


def identifying(film: bytes) -> set[str]:
    """Every value of the film that names somebody or something."""
    dataset = dcmread(BytesIO(film))
    uids = {str(dataset[name].value) for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")}
    return {*NAMES, *uids, READER, "Readerson", ORDER}


def found(haystack: str, needles: set[str]) -> set[str]:
    """A dump writes bytes as hex, so each is looked for in both spellings."""
    spellings = {needle: (needle.lower(), needle.encode().hex()) for needle in needles}
    return {needle for needle, spelled in spellings.items() if any(one in haystack.lower() for one in spelled)}


@pytest.fixture
def films() -> list[bytes]:
    uid = "1.2.826.0.1.3680043.8.498.777"
    return [
        make_film(SOPInstanceUID=uid),
        make_film(phantom(seed=1), SOPInstanceUID=uid),
        make_film(phantom(seed=2), Modality="MR"),
        make_film()[:3000],
        make_film(phantom(seed=3), PatientAge="Zimmermann", PatientSex="Agathe"),
        make_film(phantom(seed=4), KVP="1234567890").replace(b"1234567890", b"Zimmermann"),
    ]


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_no_name_is_anywhere(settings: Settings, engine: Engine, tmp_path: Path, films: list[bytes]) -> None:
    register(engine, settings, tmp_path / "package")
    log, replies = tmp_path / "log", []
    with process(settings, log) as (_, client):
        until_loaded(client)
        for film in films:
            replies.append(client.post(ASK, content=film, headers={**DICOM, "Idempotency-Key": ORDER}))
            replies.append(client.post(ASK, content=film, headers=DICOM, params={"patient": "Zimmermann"}))
            replies.append(client.post(ASK, files=[("Zimmermann", ("PID-4711-0815.dcm", film)), ("file", ("b", b"Agathe"))]))
        answered = next(reply.json()["id"] for reply in replies if reply.status_code == 200 and "id" in reply.json())
        assert client.get(f"/v1/predictions/{answered}/sr").status_code == 200, "a report names the patient, and only whoever asked for it"
        replies.append(client.get("/PID-4711-0815"))
        replies.append(client.post(f"/v1/models/{ACCESSION}/predictions", content=films[0], headers=DICOM))
        word = {"finding": "opacity", "value": 1, "source": "report", "reader": READER, "made_at": "2026-03-02T15:30:00Z"}
        lines = [{**word, "accession": ACCESSION}, {**word, "accession": "PID-4711-0815"}, {**word, "patient": "Zimmermann"}]
        body = "".join(json.dumps(line) + "\n" for line in lines)
        replies.append(client.post("/v1/labels", content=body, headers={"Content-Type": "application/x-ndjson"}))
        until(lambda: stored(engine, "refusals") >= 10)
        metrics = client.get("/metrics").text
    assert stored(engine, "predictions") >= 2
    assert stored(engine, "labels") >= 1
    assert stored(engine, "sealed_headers") == stored(engine, "predictions")
    needles = {value for film in films[:3] for value in identifying(film)}
    dump = subprocess.run([pg_dump(), "--inserts", str(settings.database_url)], capture_output=True, text=True, check=True).stdout
    assert "INSERT INTO public.refusals" in dump
    said = log.read_text()
    assert "unexpected_error" not in said
    for where in (dump, metrics, said, *(f"{reply.headers} {reply.text}" for reply in replies)):
        assert found(where, needles) == set()
    assert all(json.loads(line) for line in said.splitlines()), "every line of the log is JSON"


def stored(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())
