"""The report of a prediction is fetched while what names the patient is kept, and a clear no afterwards."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from uuid import UUID

import httpx
from pydicom import dcmread
from sqlalchemy import Engine, text

from service.config import Settings
from tests.api.serving import DICOM, make_settings, register, serving, until, until_loaded
from tests.films import PATIENT, make_film

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
