"""The report of a prediction is fetched while what names the patient is kept, and a clear no afterwards."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from pydicom import dcmread
from sqlalchemy import Engine, text

from service.access import Role
from service.config import Settings
from tests.api.serving import DICOM, make_settings, register, serving, until, until_loaded
from tests.api.test_later import LATER, followed
from tests.callers import issue
from tests.films import PATIENT, make_film, phantom

ASK = "/v1/models/chest/predictions"


def ask(client: httpx.Client, **film: object) -> dict[str, object]:
    reply = client.post(ASK, content=make_film(**film), headers=DICOM)  # type: ignore[arg-type] # handed through
    assert reply.status_code == 200
    return reply.json()  # type: ignore[no-any-return]


def report_of(client: httpx.Client, answer: dict[str, object]) -> httpx.Response:
    """The report, once the answer is in Postgres: a slow machine may have spooled it."""

    def asked() -> httpx.Response:
        return client.get(f"/v1/predictions/{answer['id']}/sr")

    until(lambda: asked().status_code != 503)
    return asked()


def test_a_report_is_fetched_and_always_the_same(client: httpx.Client) -> None:
    answer = ask(client, StudyInstanceUID="1.2.3")
    assert answer["links"]["report"] == f"/v1/predictions/{answer['id']}/sr"  # type: ignore[index]
    first, again = report_of(client, answer), report_of(client, answer)
    assert (first.status_code, first.headers["content-type"]) == (200, "application/dicom")
    assert first.content == again.content
    dataset = dcmread(BytesIO(first.content))
    assert (dataset.Modality, dataset.StudyInstanceUID, dataset.PatientName) == ("SR", "1.2.3", PATIENT)


def test_who_fetched_a_report_is_in_the_audit_log(client: httpx.Client, engine: Engine) -> None:
    answer = ask(client)
    report_of(client, answer)

    def noted() -> bool:
        with engine.connect() as connection:
            return str(answer["id"]) in str(connection.execute(text("select * from audit where deed = 'prediction.read'")).all())

    until(noted)


def test_a_prediction_that_does_not_exist_has_no_report(client: httpx.Client) -> None:
    reply = client.get(f"/v1/predictions/{UUID(int=7)}/sr")
    assert (reply.status_code, reply.json()["type"]) == (404, "/problems/unknown-prediction")


def test_what_still_waits_in_the_spool_has_its_report_later(client: httpx.Client, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("lock table predictions in share row exclusive mode"))
        answer = ask(client)
        reply = client.get(f"/v1/predictions/{answer['id']}/sr")
    assert (answer["recorded"], reply.status_code, reply.json()["type"]) == ("spool", 503, "/problems/unavailable")
    assert int(reply.headers["retry-after"]) >= 1
    assert report_of(client, answer).status_code == 200


def test_a_film_that_does_not_name_its_study_is_answered_and_has_no_report(client: httpx.Client) -> None:
    reply = report_of(client, ask(client, StudyInstanceUID=None))
    assert (reply.status_code, reply.json()["type"]) == (404, "/problems/no-report")


def test_what_was_sealed_with_another_key_is_gone(client: httpx.Client, engine: Engine) -> None:
    answer = ask(client)
    with engine.begin() as connection:
        connection.execute(text("update sealed_headers set header = decode(repeat('00', 64), 'hex')"))
    reply = report_of(client, answer)
    assert (reply.status_code, reply.json()["type"]) == (410, "/problems/report-gone")


def test_where_reports_are_off_nothing_is_kept_and_the_reason_is_said(engine: Engine, postgres_url: str, tmp_path: Path) -> None:
    settings: Settings = make_settings(postgres_url, tmp_path, report_days=0)
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        reply = report_of(client, ask(client))
    assert (reply.status_code, reply.json()["type"]) == (404, "/problems/no-report")
    assert "STEPWEDGE_REPORT_DAYS" in reply.json()["detail"]
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from sealed_headers")) == 0


def test_once_its_days_are_over_a_report_is_gone(engine: Engine, postgres_url: str, tmp_path: Path) -> None:
    settings = make_settings(postgres_url, tmp_path, replay_clock=True)
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        sent = client.post(ASK, content=make_film(), headers={**DICOM, "Stepwedge-Received-At": "2026-03-02T09:10:00Z"})
        assert report_of(client, sent.json()).status_code == 200
        with engine.begin() as connection:
            connection.execute(text("update sealed_headers set sealed_at = now() - interval '8 days'"))
        reply = report_of(client, sent.json())
    assert (reply.status_code, reply.json()["type"]) == (410, "/problems/report-gone")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/dicom", "application/dicom"),
        ("application/json;q=0.5, application/dicom", "application/dicom"),
        ("*/*;q=0.9, application/json;q=0", "application/dicom"),
        ('multipart/related; type="application/dicom"; transfer-syntax=*', "multipart/related"),
        ("application/json, application/dicom", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("", "application/json"),
        ("application/dicom+json", ""),
        ("application/dicom;q=0", ""),
        ("image/png", ""),
    ],
)
def test_an_answer_is_given_in_the_form_that_is_accepted(shared: httpx.Client, accept: str, kind: str) -> None:
    answer = ask(shared)
    report = report_of(shared, answer)
    reply = shared.get(f"/v1/predictions/{answer['id']}", headers={"Accept": accept})
    if not kind:
        assert (reply.status_code, reply.json()["type"]) == (406, "/problems/not-acceptable")
        return
    assert (reply.status_code, reply.headers["vary"]) == (200, "Accept")
    assert reply.headers["content-type"].startswith(kind)
    if kind == "application/json":
        assert reply.json()["id"] == answer["id"]
    elif kind == "application/dicom":
        assert reply.content == report.content
    else:
        boundary = reply.headers["content-type"].rpartition("boundary=")[2].encode()
        _, part, end = reply.content.split(b"--" + boundary)
        assert (part, end) == (b"\r\nContent-Type: application/dicom\r\n\r\n" + report.content + b"\r\n", b"--\r\n")


def test_a_request_that_was_answered_later_gives_its_report_too(client: httpx.Client, postgres_url: str) -> None:
    taken = client.post(ASK, content=make_film(StudyInstanceUID="1.2.3"), headers=LATER)
    done = followed(client, taken.headers["location"])
    asked = {"Accept": "application/dicom"}
    until(lambda: client.get(taken.headers["location"], headers=asked).status_code != 503)
    reply = client.get(taken.headers["location"], headers=asked)
    assert dcmread(BytesIO(reply.content)).StudyInstanceUID == "1.2.3"
    assert reply.content == client.get(f"{done['links']['prediction']}/sr").content  # type: ignore[index] # JSON
    keyed = {**LATER, "Idempotency-Key": "order-7"}
    for seed, state in ((1, "done"), (2, "failed")):
        failed = client.post(ASK, content=make_film(phantom(seed=seed)), headers=keyed).headers["location"]
        assert followed(client, failed)["state"] == state
    no = client.get(failed, headers=asked)
    assert (no.status_code, no.json()["type"]) == (404, "/problems/no-report")
    sender = issue(postgres_url, "pacs", [Role.PREDICT])
    until(lambda: client.post(ASK, content=make_film(), headers={**LATER, **sender}).status_code == 202)
    own = client.post(ASK, content=make_film(), headers={**LATER, **sender}).headers["location"]
    until(lambda: client.get(own, headers=sender).json()["state"] == "done")
    assert client.get(own, headers={**sender, **asked}).status_code == 403, "a report names the patient"
