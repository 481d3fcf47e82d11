"""An erasure reaches what still waits: in the inbox for its answer, in the spool for Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from service.config import Settings
from service.gateway.inbox import Inbox
from service.gateway.job import Job, new_id
from service.gateway.pseudonym import pseudonym
from service.store.erase import Named, erase
from tests.api.serving import DICOM, KEY, killed, register, serving, until, until_loaded
from tests.api.test_later import followed, series
from tests.films import make_film, phantom
from tests.proxy import proxied

ASK = "/v1/models/chest/predictions"
ERASED, OTHER = "PID-1", "PID-2"


def erased(engine: Engine, at: datetime) -> None:
    with engine.begin() as connection:
        erase(connection, Named.PATIENT, pseudonym(KEY.encode(), "patient", ERASED), at=at, actor="tests")


def left(engine: Engine) -> list[bytes]:
    with engine.connect() as connection:
        return list(connection.scalars(text("select patient from predictions")))


def test_what_waits_in_the_inbox(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    """Left by a gateway that was killed; the one that takes it over knows of the erasure."""
    now = datetime.now(UTC)
    inbox = Inbox(settings.inbox_folder, most_bytes=1 << 30)
    jobs = []
    for seed, (patient, received_at) in enumerate(((ERASED, now), (OTHER, now), (ERASED, now + timedelta(minutes=1)))):
        draft = inbox.draft()
        draft.write(make_film(phantom(seed=seed), PatientID=patient))
        jobs.append(Job(new_id(), new_id(), 1, draft.id, "chest", "main", "pacs", received_at, now, draft.size))
        inbox.accept([draft], [jobs[-1]])
    inbox.close()
    erased(engine, now + timedelta(seconds=1))
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        ends = [followed(client, f"/v1/requests/{job.id}") for job in jobs]
        until(lambda: series(client, "stepwedge_requests_in_progress") == 0)
        counted = [series(client, f"stepwedge_requests_{name}_total") for name in ("received", "recorded", "refused")]
    assert [end["state"] for end in ends] == ["failed", "done", "done"]
    assert ends[0]["problem"]["type"] == "/problems/erased"  # type: ignore[index] # JSON
    assert sorted(left(engine)) == sorted(pseudonym(KEY.encode(), "patient", patient) for patient in (ERASED, OTHER))
    assert counted == [3, 2, 1]
    assert list(settings.inbox_folder.rglob("*.dcm")) == []


def test_what_waits_in_the_spool_of_a_gateway_that_was_killed(
    postgres_url: str, settings: Settings, engine: Engine, tmp_path: Path
) -> None:
    with proxied(postgres_url) as (proxy, url):
        through = settings.model_copy(update={"database_url": url})
        register(engine, through, tmp_path / "package")
        with killed(through, tmp_path / "log") as client:
            until_loaded(client)
            proxy.stop()
            films = [make_film(phantom(seed=seed), PatientID=patient) for seed, patient in enumerate((ERASED, OTHER))]
            replies = [client.post(ASK, content=film, headers=DICOM) for film in films]
            assert [reply.json()["recorded"] for reply in replies] == ["spool"] * 2
    erased(engine, datetime.now(UTC))
    with serving(settings) as client:
        until(lambda: left(engine) == [pseudonym(KEY.encode(), "patient", OTHER)])
        until(lambda: series(client, "stepwedge_spool_records") == 0)
        assert [client.get(f"/v1/predictions/{reply.json()['id']}").status_code for reply in replies] == [404, 200]
        assert 'stepwedge_spool_drained_total{outcome="erased"} 1.0' in client.get("/metrics").text
