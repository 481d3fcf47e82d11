"""Reports reach a real Orthanc: in the study of their film, once, also when it was away for a while."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr
from pydicom import dcmread
from sqlalchemy import Engine, text

from tests.api.serving import DICOM, make_settings, register, serving, until, until_loaded
from tests.components import component
from tests.films import PATIENT_ID, make_film, phantom
from tests.orthanc import orthanc
from tests.ports import free_port

ASK = "/v1/models/chest/predictions"
STUDY = "1.2.826.0.1.3680043.8.498.4711"


def ask(client: httpx.Client, film: bytes) -> str:
    reply = client.post(ASK, content=film, headers=DICOM)
    assert reply.status_code == 200
    return str(reply.json()["id"])


def series_of(pacs: httpx.Client) -> dict[str, int]:
    """Instances by modality in the one study that the PACS has."""
    (study,) = pacs.get("/studies").json()
    series = [pacs.get(f"/series/{one}").json() for one in pacs.get(f"/studies/{study}").json()["Series"]]
    return {one["MainDicomTags"]["Modality"]: len(one["Instances"]) for one in series}


def reports_in(pacs: httpx.Client) -> list[bytes]:
    found = [(one, pacs.get(f"/instances/{one}/simplified-tags").json()["Modality"]) for one in pacs.get("/instances").json()]
    return [pacs.get(f"/instances/{one}/file").content for one, modality in found if modality == "SR"]


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("select count(*) from outbox where kind = 'report'")) or 0)


def test_a_report_arrives_in_the_study_of_its_film_once_also_after_the_pacs_was_away(
    engine: Engine, postgres_url: str, tmp_path: Path
) -> None:
    port = free_port()
    settings = make_settings(postgres_url, tmp_path, pacs_url=f"http://127.0.0.1:{port}/dicom-web/")
    register(engine, settings, tmp_path / "package")
    films = [make_film(phantom(seed=seed), StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.1") for seed in range(2)]
    with serving(settings) as client:
        until_loaded(client)
        with orthanc(tmp_path / "orthanc", port=port) as pacs:
            pacs.post("/instances", content=films[0]).raise_for_status()
            first = ask(client, films[0])
            until(lambda: reports_in(pacs), 30)
            assert series_of(pacs) == {"DX": 1, "SR": 1}
            (report,) = reports_in(pacs)
            assert report == client.get(f"/v1/predictions/{first}/sr").content
        second = ask(client, films[1])
        until(lambda: tries_failed(client) > 0, 30)
        assert waiting(engine) == 1
        with engine.begin() as connection:
            connection.execute(text("update outbox set next_attempt_at = now()"))
            # The first as well once more, as after a crash between the PACS and our commit.
            connection.execute(
                text(
                    "insert into outbox (id, kind, prediction, body, created_at, next_attempt_at) values (:id, 'report', :id, '', now(), now())"
                ),
                {"id": first},
            )
        with orthanc(tmp_path / "orthanc", port=port) as pacs:
            until(lambda: waiting(engine) == 0, 30)
            assert series_of(pacs) == {"DX": 1, "SR": 2}
            reports = reports_in(pacs)
            assert client.get(f"/v1/predictions/{second}/sr").content in reports
        pushed = client.get("/metrics").text
    assert "stepwedge_reports_pushed_total 3.0" in pushed
    check(reports, tmp_path)


def tries_failed(client: httpx.Client) -> float:
    line = next(line for line in client.get("/metrics").text.splitlines() if line.startswith("stepwedge_report_tries_failed_total "))
    return float(line.split()[1])


def check(reports: list[bytes], folder: Path) -> None:
    """What the PACS gives back is valid, readable, and of the patient of the film."""
    for number, report in enumerate(reports):
        dataset = dcmread(BytesIO(report))
        assert (dataset.StudyInstanceUID, dataset.PatientID) == (STUDY, PATIENT_ID)
        path = folder / f"{number}.dcm"
        path.write_bytes(report)
        said = subprocess.run([component("dciodvfy"), path], capture_output=True, text=True, check=False).stderr
        assert "Error" not in said, said
        assert (
            "Imaging Measurement Report" in subprocess.run([component("dsrdump"), path], capture_output=True, text=True, check=True).stdout
        )


def test_the_pacs_is_shown_the_secret_and_the_log_is_not(engine: Engine, postgres_url: str, tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/dicom-web"
    settings = make_settings(postgres_url, tmp_path, pacs_url=address, pacs_authorization=SecretStr("Basic c3RlcHdlZGdlOnNlY3JldA=="))
    assert "c3RlcHdlZGdl" not in repr(settings)
    register(engine, settings, tmp_path / "package")
    with (
        serving(settings) as client,
        orthanc(
            tmp_path / "orthanc", port=int(urlsplit(address).port or 0), AuthenticationEnabled=True, RegisteredUsers={"stepwedge": "secret"}
        ) as pacs,
    ):
        until_loaded(client)
        ask(client, make_film(StudyInstanceUID=STUDY))
        pacs.auth = httpx.BasicAuth("stepwedge", "secret")
        until(lambda: reports_in(pacs), 30)
