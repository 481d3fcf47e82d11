"""Nothing is left of an erased study or patient, everything else is, and the sums and the audit log go on."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from service.gateway.pseudonym import pseudonym
from service.store.audit import entries
from service.store.chain import walk
from service.store.tables import metadata
from tests.api.serving import DICOM, KEY
from tests.api.test_problems import check
from tests.cli.running import failure, stepwedge
from tests.films import make_film, phantom
from tests.postgres import pg_dump

ASK = "/v1/models/chest/predictions"
WORD = {"finding": "opacity", "value": 1, "source": "report", "made_at": "2026-03-02T15:30:00Z"}
PATIENT, STUDY = "PID-1", "1.2.826.0.1.3680043.8.498.1"


def send(client: httpx.Client, seed: int, **attributes: str) -> str:
    film = make_film(phantom(seed=seed), SOPInstanceUID=f"2.25.{1000 + seed}", **attributes)
    reply = client.post(ASK, content=film, headers=DICOM)
    assert reply.status_code == 200
    client.put(f"/v1/predictions/{reply.json()['id']}/labels", json=[WORD])
    return str(reply.json()["id"])


@pytest.fixture
def films(client: httpx.Client) -> dict[str, str]:
    """Two studies of one patient, and one of another; each film with a label."""
    return {
        "first": send(client, 1, PatientID=PATIENT, StudyInstanceUID=STUDY),
        "second": send(client, 2, PatientID=PATIENT, StudyInstanceUID=STUDY + "2"),
        "other": send(client, 3, PatientID="PID-2", StudyInstanceUID=STUDY + "3"),
    }


def code(what: str, name: str) -> str:
    return pseudonym(KEY.encode(), what, name).hex()


def left(client: httpx.Client, films: Mapping[str, str]) -> set[str]:
    return {name for name, film in films.items() if client.get(f"/v1/predictions/{film}").status_code == 200}


def dump(url: str) -> str:
    return subprocess.run([pg_dump(), "--inserts", url], capture_output=True, text=True, check=True).stdout


def test_a_study_goes_and_nothing_else(client: httpx.Client, films: dict[str, str]) -> None:
    reply = client.post("/v1/erasures", json={"what": "study", "pseudonym": code("study", STUDY)})
    assert reply.json() == {"what": "study", "rows": {"labels": 1, "predictions": 1, "submissions": 1, **sealed(reply)}}
    assert left(client, films) == {"second", "other"}
    again = client.post("/v1/erasures", json={"what": "study", "pseudonym": code("study", STUDY)})
    assert again.json()["rows"] == {}


def sealed(reply: httpx.Response) -> dict[str, int]:
    """What else hung on the film, such as its sealed header."""
    expected = {"labels", "predictions", "submissions"}
    return {table: rows for table, rows in reply.json()["rows"].items() if table not in expected}


def test_of_an_erased_patient_nothing_is_in_the_database(client: httpx.Client, films: dict[str, str], postgres_url: str) -> None:
    names = [code("patient", PATIENT), code("study", STUDY), films["first"], films["second"]]
    assert all(name in dump(postgres_url) for name in names)
    assert client.post("/v1/erasures", json={"what": "patient", "pseudonym": code("patient", PATIENT)}).status_code == 200
    after = "\n".join(line for line in dump(postgres_url).splitlines() if "INTO public.audit" not in line)
    assert [name for name in names if name in after] == []
    assert left(client, films) == {"other"}


def test_an_erased_film_that_is_sent_again_is_a_new_one(client: httpx.Client, films: dict[str, str]) -> None:
    client.post("/v1/erasures", json={"what": "patient", "pseudonym": code("patient", PATIENT)})
    assert send(client, 1, PatientID=PATIENT, StudyInstanceUID=STUDY) != films["first"]


def test_the_audit_log_knows_that_it_was_done_and_not_to_whom(client: httpx.Client, films: dict[str, str], engine: Engine) -> None:
    client.post("/v1/erasures", json={"what": "patient", "pseudonym": code("patient", PATIENT)})
    with engine.connect() as connection:
        log = list(entries(connection))
    assert walk(log).broken is None
    done = next(entry.act for entry in log if entry.act.deed == "erased")
    assert (done.actor, done.subject, done.details["predictions"]) == ("tests", "patient", 2)
    assert code("patient", PATIENT) not in str(log)


def test_what_is_no_pseudonym_is_refused(client: httpx.Client) -> None:
    for wrong in ({"what": "study", "pseudonym": STUDY}, {"what": "series", "pseudonym": 32 * "0"}, {"what": "study"}):
        check(client.post("/v1/erasures", json=wrong), 400, "invalid-request")


def test_only_an_operator_erases(client: httpx.Client, films: dict[str, str]) -> None:
    with httpx.Client(base_url=client.base_url, trust_env=False) as stranger:
        check(stranger.post("/v1/erasures", json={"what": "study", "pseudonym": code("study", STUDY)}), 401, "unauthenticated")
    assert left(client, films) == set(films)


def test_every_table_that_hangs_on_a_film_is_cleaned() -> None:
    """A column of another name would escape; whoever adds a table reads this."""
    hanging = {table.name for table in metadata.tables.values() if "prediction" in table.c or "study" in table.c}
    assert {"predictions", "labels", "submissions", "sealed_headers", "outbox"} <= hanging


def test_the_command_reads_identifiers_from_anywhere_but_its_arguments(
    client: httpx.Client, films: dict[str, str], postgres_url: str, tmp_path: Path
) -> None:
    place = {"DATABASE_URL": postgres_url, "STEPWEDGE_PSEUDONYM_KEY": KEY}
    listed = tmp_path / "ids"
    listed.write_text(f"{STUDY}\n\n")
    looked = stepwedge("erase", "study", "--from", str(listed), "--look", data_dir=tmp_path, **place)
    assert looked.stdout.split() == [code("study", STUDY), "1", "films"]
    said = stepwedge("erase", "study", "--from", str(listed), data_dir=tmp_path, **place)
    assert "1 of predictions" in said.stdout
    assert STUDY not in said.stdout + said.stderr
    assert left(client, films) == {"second", "other"}
    empty = tmp_path / "none"
    empty.write_text("")
    assert "one a line" in failure(stepwedge("erase", "patient", "--from", str(empty), data_dir=tmp_path, **place))
