"""Nothing that names a person, a film or a device leaves the door: not in the database, the metrics, the logs or a reply.

One place holds films as they were sent, by design: the instances in data_dir/inbox, from 202 until they are answered, mode 0600 in
folders of mode 0700. Their names and all that lies beside them say nothing.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from stat import S_IMODE
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from pydicom import dcmread
from sqlalchemy import Engine, text

from service.config import Settings
from tests.api.package import COLUMNS, ROWS
from tests.api.serving import DICOM, answers, process, register, until, until_loaded
from tests.api.test_dicomweb import STOW, stow
from tests.api.test_later import LATER
from tests.api.test_open_inference import INFER, in_json
from tests.films import ACCESSION, NAMES, make_film, phantom
from tests.leaks import ORDER, PRIVATE, READER, Corpus, files_of
from tests.ports import free_port
from tests.postgres import pg_dump
from tests.proxy import proxied
from tests.worker.receiver import receiving

ASK = "/v1/models/chest/predictions"
TALKATIVE = """
import logging
from service.cli import logs
said = logs.configure
def configure():
    said(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
logs.configure = configure
from service.__main__ import main
main()
"""
"""The program, every logger at its most talkative."""


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


@contextmanager
def working(settings: Settings, log: Path, **more: str) -> Iterator[httpx.Client]:
    """A worker, as talkative as the gateway, and a client of its metrics."""
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": str(settings.database_url),
        "STEPWEDGE_DATA_DIR": str(settings.data_dir),
        "STEPWEDGE_WORKER_PORT": str(port),
        "STEPWEDGE_WORKER_INTERVAL_S": "0.5",
        **more,
    }
    with (
        log.open("wb") as sink,
        subprocess.Popen([sys.executable, "-c", TALKATIVE, "worker"], env=environment, stdout=sink, stderr=sink) as worker,
    ):
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
                until(lambda: answers(client) or worker.poll() is not None, 60)
                yield client
        finally:
            worker.terminate()


def dumped(settings: Settings) -> bytes:
    return subprocess.run([pg_dump(), "--inserts", str(settings.database_url)], capture_output=True, check=True).stdout


def exported(settings: Settings) -> bytes:
    """The audit log, and what the command says beside it."""
    environment = {**os.environ, "DATABASE_URL": str(settings.database_url), "STEPWEDGE_DATA_DIR": str(settings.data_dir)}
    ran = subprocess.run([sys.executable, "-m", "service", "audit", "export"], env=environment, capture_output=True, check=True)
    return ran.stdout + ran.stderr


def said(reply: httpx.Response) -> tuple[str, bytes]:
    return f"the answer to {reply.request.method} {reply.url.path}", str(reply.headers).encode() + reply.content


def through_every_door(client: httpx.Client, corpus: Corpus) -> Iterator[httpx.Response]:
    """Films, refusals, tensors and labels by every way in, with names in whatever a caller may choose."""
    person = {
        "X-Patient": "Zimmermann",
        "User-Agent": "Agathe",
        "X-Request-Id": ORDER,
        "Traceparent": ORDER,
        "Referer": f"http://pacs/{ORDER}",
    }
    for film in corpus.films():
        yield client.post(ASK, content=film, headers={**DICOM, **person})
        yield client.post(ASK, content=film[: len(film) // 2], headers={**DICOM, **person, "Idempotency-Key": ORDER})
    for film in corpus.typed():
        yield client.post(ASK, content=film, headers={**DICOM, **person})
    for attributes in (
        {"Modality": "ZIMMERMANN"},
        {"PhotometricInterpretation": "ZIMMERMANN"},
        {"Modality": "MR"},
        {"BodyPartExamined": "KNEE"},
        {"PatientSex": "AGATHE"},
        {"SoftwareVersions": None},
    ):
        yield client.post(ASK, content=corpus.film(**attributes), headers={**DICOM, "Idempotency-Key": f"{ORDER}-{attributes}"})
    form = [("file", (f"{ORDER}.dcm", film, "application/dicom")) for film in corpus.films()]
    yield client.post(ASK, files=form, headers=person)
    yield client.post(ASK, files=form, headers={"Prefer": "respond-async", **person})
    yield client.post(ASK, content=corpus.film(), headers={**LATER, "Idempotency-Key": ORDER})
    yield client.post(f"{ASK}?patient={ORDER}", content=b"Zimmermann^Agathe", headers={**LATER, **person})
    tensor = in_json(np.random.default_rng(1).normal(size=(1, 1, ROWS, COLUMNS)).astype(np.float32))
    yield client.post(INFER, json={**tensor, "id": 4711, ORDER: "Zimmermann"}, headers=person)
    yield client.post(INFER, json={**tensor, "outputs": [{"name": "Zimmermann"}]}, headers=person)
    yield client.post(INFER, json={**tensor, "parameters": {"patient": ORDER}}, headers={**person, "Idempotency-Key": ORDER})
    word = {"finding": "opacity", "value": 1, "source": "report", "reader": READER, "made_at": "2026-03-02T15:30:00Z"}
    subjects = [{"accession": ACCESSION}, *({"instance": uid} for uid in sorted(corpus.uids)), {"patient": ORDER}, {"prediction": ORDER}]
    lines = "".join(json.dumps({**word, **subject}) + "\n" for subject in subjects)
    yield client.post("/v1/labels", content=lines, headers={"Content-Type": "application/x-ndjson"})
    for path in (f"/v1/models/{ORDER}/predictions", f"/v1/predictions/{ORDER}", f"/{ORDER}", f"{STOW}/{ORDER}", f"/v1/requests/{ORDER}"):
        yield client.get(path)
        yield client.post(path, content=corpus.film(), headers=DICOM)


def test_no_door_lets_a_name_through(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    corpus, logs = Corpus(), [tmp_path / "gateway.log", tmp_path / "worker.log"]
    settings = settings.model_copy(update={"data_dir": tmp_path / "data"})
    settings.data_dir.mkdir()
    register(engine, settings, tmp_path / "package")
    with receiving() as receiver:
        told = {"STEPWEDGE_RESULTS_URL": receiver.url, "STEPWEDGE_RESULTS_SECRET": "whsec_c2VjcmV0"}
        away = {"STEPWEDGE_PACS_URL": f"http://127.0.0.1:{free_port()}/dicom-web/"}
        with (
            process(settings, logs[0], program=("-c", TALKATIVE, "gateway"), environment={**told, **away}) as (_, client),
            working(settings, logs[1], **told) as worker,
        ):
            until_loaded(client)
            replies = list(through_every_door(client, corpus))
            stored_answers = [
                stow(client, *corpus.films(), b"garbage", corpus.film(Modality="MR"), Accept=f"application/dicom+{kind}")
                for kind in ("json", "xml")
            ]
            stored_answers.append(stow(client, corpus.film(), path=f"{STOW}/1.2.3.4"))
            until(lambda: len(receiver.bodies) >= 10, 60)
            until(lambda: stored(engine, "refusals") >= 10)
            found = filter(None, (json.loads(body)["data"]["prediction"] for body in receiver.bodies))
            replies.extend(client.get(f"/v1/predictions/{one['id']}") for one in found)
            metrics = [
                ("the metrics of the gateway", client.get("/metrics").content),
                ("the metrics of the worker", worker.get("/metrics").content),
            ]
    assert {reply.status_code for reply in stored_answers} == {202, 409}
    assert stored(engine, "predictions") >= 20
    assert stored(engine, "outbox") >= 10, "reports wait for the PACS"
    places = [
        *metrics,
        *((log.name, log.read_bytes()) for log in logs),
        ("the database", dumped(settings)),
        ("the audit log", exported(settings)),
        *((f"result {number}", str(receiver.headers[number]).encode() + body) for number, body in enumerate(receiver.bodies)),
        *map(said, replies),
        *files_of(settings.data_dir),
    ]
    assert corpus.leaked(places) == []
    assert corpus.leaked(map(said, stored_answers), uids=False) == [], "the standard demands the UIDs, and nothing more"


def test_what_lies_on_the_disk_meanwhile_names_nobody(postgres_url: str, settings: Settings, engine: Engine, tmp_path: Path) -> None:
    """But for the instances of the inbox, which are the films as they were sent."""
    corpus, log = Corpus(), tmp_path / "log"
    with proxied(postgres_url) as (proxy, url):
        settings = settings.model_copy(update={"data_dir": tmp_path / "data"})
        settings.data_dir.mkdir()
        register(engine, settings, tmp_path / "package")
        with process(settings.model_copy(update={"database_url": url}), log, program=("-c", TALKATIVE, "gateway")) as (pid, client):
            until_loaded(client)
            form = [("file", (f"{ORDER}.dcm", film, "application/dicom")) for _ in range(6) for film in corpus.films()]
            taken = client.post(ASK, files=form, headers={"Prefer": "respond-async", "Idempotency-Key": ORDER})
            os.kill(pid, signal.SIGSTOP)
            waiting = list(settings.inbox_folder.rglob("*.dcm"))
            inbox = list(files_of(settings.inbox_folder, ".dcm"))
            modes = {S_IMODE(path.stat().st_mode) for path in waiting}
            os.kill(pid, signal.SIGCONT)
            until(lambda: not list(settings.inbox_folder.rglob("*.dcm")), 60)
            proxy.stop()
            replies = [
                client.post(ASK, content=film, headers={**DICOM, "Idempotency-Key": f"{ORDER}-{n}"})
                for n, film in enumerate(corpus.films())
            ]
            replies += [
                client.post(ASK, content=corpus.film()[:-100], headers=DICOM),
                client.post(ASK, content=corpus.film(Modality="MR"), headers=DICOM),
            ]
            until(lambda: list(settings.spool_folder.rglob("*")))
            spool = list(files_of(settings.spool_folder))
            proxy.restore()
            until(lambda: stored(engine, "predictions") == len(form) + 5, 60)
    assert taken.status_code == 202
    assert waiting
    assert modes == {0o600}
    assert [reply.json()["recorded"] for reply in replies[:5]] == ["spool"] * 5
    assert any(len(said) > 1000 for _, said in spool)
    places = [
        *inbox,
        *spool,
        *map(said, [taken, *replies]),
        ("the log", log.read_bytes()),
        ("the database", dumped(settings)),
        *files_of(settings.data_dir),
    ]
    assert corpus.leaked(places) == []


def test_the_search_finds_every_spelling() -> None:
    """A search that finds nothing anywhere would prove nothing."""
    corpus = Corpus()
    film = corpus.film("ISO_IR 144")
    for way in (film, film.hex().encode(), base64.b64encode(film), base64.b64encode(b"x" + film), base64.b64encode(b"xy" + film)):
        values = {value for _, value in corpus.leaked([("film", way)])}
        assert {"Люксембург", ACCESSION, PRIVATE, *corpus.uids} <= values
    for text_way in (json.dumps("Müller Žižková"), quote("Žižková"), "OF ŽIŽKOVÁ"):
        assert "Žižková" in {value for _, value in corpus.leaked([("text", text_way.encode())])}
