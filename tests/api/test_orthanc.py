"""A real PACS in front of a real gateway: a study is forwarded, whatever is in it, and each film is answered and counted once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
from pydicom.uid import generate_uid
from sqlalchemy import Engine, text

from service.config import Settings
from tests.api.serving import make_settings, process, register, serving, until, until_loaded
from tests.api.test_dicomweb import report
from tests.callers import AUTHORIZED
from tests.films import make_film, phantom
from tests.pacs import forwarding

STUDY = generate_uid()


def study() -> list[bytes]:
    """Two frontal films, a lateral one and a report."""
    films = [make_film(phantom(seed=number), StudyInstanceUID=STUDY, ViewPosition=view) for number, view in enumerate(("PA", "AP", "LL"))]
    return [*films, report(StudyInstanceUID=STUDY)]


def prepared(url: str, engine: Engine, folder: Path) -> Settings:
    settings = make_settings(url, folder)
    register(engine, settings, folder / "package", accepts='view = ["PA", "AP"]')
    return settings


def address(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.port}"


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("select count(*) from predictions")).scalar_one())


def idle(client: httpx.Client) -> bool:
    return "stepwedge_requests_in_progress 0.0" in client.get("/metrics").text


def test_a_study_that_is_forwarded_by_stow_is_answered_once_however_often_it_is_resubmitted(
    postgres_url: str, engine: Engine, tmp_path: Path
) -> None:
    settings = prepared(postgres_url, engine, tmp_path)
    with forwarding(tmp_path / "orthanc", address(settings), AUTHORIZED) as pacs:
        pacs.load(tmp_path / "films", study())
        (only,) = pacs.studies()
        job = pacs.forward(only)
        assert pacs.job(job)["State"] == "Failure"  # nobody listens yet
        with process(settings, tmp_path / "log", -signal.SIGKILL) as (pid, client):
            until_loaded(client)
            pacs.client.post(f"/jobs/{job}/resubmit")
            assert pacs.job(job)["State"] == "Success"
            os.kill(pid, signal.SIGKILL)
        with serving(settings) as client:
            until_loaded(client)
            until(lambda: rows(engine) == 2)
            again = pacs.forward(only)
            assert pacs.job(again)["State"] == "Success"
            until(lambda: idle(client))
            found = client.get("/metrics").text
        assert rows(engine) == 2
        assert 'stepwedge_requests_refused_total{model="-",reason="out-of-scope"} 2.0' in found
        assert 'stepwedge_requests_replayed_total{model="chest"}' in found


def test_lua_forwards_each_study_once_it_is_stable(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    settings = prepared(postgres_url, engine, tmp_path)
    lua = """
    function OnStableStudy(study, tags, metadata)
      RestApiPost('/dicom-web/servers/stepwedge/stow', DumpJson({Resources = {study}, Synchronous = false}))
    end
    """
    with serving(settings) as client, forwarding(tmp_path / "orthanc", address(settings), AUTHORIZED, lua) as pacs:
        until_loaded(client)
        pacs.load(tmp_path / "films", study())
        until(lambda: rows(engine) == 2)
        until(lambda: idle(client))


def test_lua_posts_each_instance_to_a_model(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    settings = prepared(postgres_url, engine, tmp_path)
    lua = f"""
    function OnStoredInstance(instance, tags, metadata, origin)
      local film = RestApiGet('/instances/' .. instance .. '/file')
      local headers = {{['Content-Type'] = 'application/dicom', ['Prefer'] = 'respond-async', ['Authorization'] = '{AUTHORIZED["Authorization"]}'}}
      HttpPost('{address(settings)}/v1/models/chest/predictions', film, headers)
    end
    """
    with serving(settings) as client, forwarding(tmp_path / "orthanc", address(settings), AUTHORIZED, lua) as pacs:
        until_loaded(client)
        pacs.load(tmp_path / "films", study())
        until(lambda: rows(engine) == 2)
