"""One alarm with what is attached to it, and Evidently's page, cut off from everything."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine

from service.config import Settings
from service.domain import Alarm
from service.review.verdicts import FOLDER
from service.store.alarms import open_alarm
from service.store.blobs import put_blob
from service.store.judgements import Judgement, Standing, judge_again
from service.store.models import champion
from service.store.references import save_reference
from service.store.reviews import Kind, Review, save_review
from tests.api.test_monitoring import MONDAY, make_alarm

PAGE = b"<html><body>Evidently's page</body></html>"
TEST = {
    "test": "MMD",
    "space": "embedding",
    "statistic": 0.2,
    "p_value": 0.0025,
    "n_reference": 500,
    "n_window": 55,
    "quiet_p_value": 0.4,
    "n_quiet": 60,
}


@pytest.fixture
def alarm(client: httpx.Client, engine: Engine) -> Alarm:
    with engine.begin() as connection:
        version = champion(connection, "chest").id
        reference = save_reference(connection, version, since=MONDAY, until=MONDAY, built_at=MONDAY, payload=b"frozen")
        alarm = make_alarm(version, reference.id)
        open_alarm(connection, alarm)
    return alarm


def attach(engine: Engine, alarm: Alarm, kind: Kind, payload: dict[str, object]) -> None:
    with engine.begin() as connection:
        save_review(connection, Review(alarm.id, kind, MONDAY, payload))


def attach_report(engine: Engine, alarm: Alarm, sha256: str) -> None:
    plain: dict[str, object] = {"version": "0.7.23", "seed": 7, "level": 0.025, "n_reference": 500, "n_window": 55}
    attach(engine, alarm, Kind.REPORT, {**plain, "sha256": sha256, "p_values": {"PatientSex": 0.4, "KVP": 0.001}})


def test_an_alarm_without_reviews_says_so_and_names_its_reference(client: httpx.Client, alarm: Alarm) -> None:
    told = client.get(f"/v1/models/chest/alarms/{alarm.id}").json()
    assert (told["id"], told["reference"], told["confirmation"], told["report"]) == (str(alarm.id), alarm.reference, None, None)
    assert told["carriers"][0]["feature"] == "ManufacturerModelName"
    assert (told["standing"], told["judgements"]) == ("opened", [])
    missing = client.get(f"/v1/models/chest/alarms/{alarm.id}/report")
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/no-review")


def test_an_alarm_that_was_judged_again_tells_both_versions(client: httpx.Client, engine: Engine, alarm: Alarm) -> None:
    with engine.begin() as connection:
        judge_again(connection, alarm, Judgement.of(replace(alarm, evidence=0.3, carriers=()), Standing.SUPERSEDED, MONDAY))
    told = client.get(f"/v1/models/chest/alarms/{alarm.id}").json()
    assert told["standing"] == client.get("/v1/models/chest/alarms").json()[0]["standing"] == "superseded"
    assert [(one["standing"], one["evidence"], len(one["carriers"])) for one in told["judgements"]] == [
        ("opened", alarm.evidence, 1),
        ("superseded", 0.3, 0),
    ]


def test_a_confirmation_is_told_with_statistic_p_value_n_seed_and_version(client: httpx.Client, engine: Engine, alarm: Alarm) -> None:
    attach(engine, alarm, Kind.CONFIRMATION, {"version": "0.13.0", "seed": 7, "tests": [TEST]})
    told = client.get(f"/v1/models/chest/alarms/{alarm.id}").json()["confirmation"]
    assert (told["version"], told["seed"], told["level"], told["tests"]) == ("0.13.0", 7, 0.05, [TEST])
    assert told["summary"].startswith("1 of 1 tests of alibi-detect see a difference")


def test_the_page_is_shown_without_network_or_origin(client: httpx.Client, engine: Engine, settings: Settings, alarm: Alarm) -> None:
    attach_report(engine, alarm, put_blob(settings.object_folder, FOLDER, PAGE))
    assert client.get(f"/v1/models/chest/alarms/{alarm.id}").json()["report"]["drifting"] == ["KVP"]
    page = client.get(f"/v1/models/chest/alarms/{alarm.id}/report")
    assert (page.status_code, page.content) == (200, PAGE)
    policy = page.headers["content-security-policy"].split("; ")
    assert {"sandbox allow-scripts", "default-src 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert not any("connect-src" in part or "unsafe-eval" in part for part in policy)


def test_a_page_that_is_gone_or_was_changed_is_not_shown(client: httpx.Client, engine: Engine, settings: Settings, alarm: Alarm) -> None:
    attach_report(engine, alarm, "0" * 64)
    assert client.get(f"/v1/models/chest/alarms/{alarm.id}/report").status_code == 404
    (settings.data_dir / "objects" / FOLDER).mkdir(parents=True)
    (settings.data_dir / "objects" / FOLDER / ("0" * 64)).write_bytes(PAGE)
    changed = client.get(f"/v1/models/chest/alarms/{alarm.id}/report")
    assert (changed.status_code, changed.json()["type"]) == (500, "/problems/damaged-object")


def test_an_alarm_of_another_model_or_of_nobody_is_unknown(client: httpx.Client, alarm: Alarm) -> None:
    for path in (f"other/alarms/{alarm.id}", f"chest/alarms/{uuid4()}", f"chest/alarms/{uuid4()}/report"):
        told = client.get(f"/v1/models/{path}")
        assert (told.status_code, told.json()["type"]) == (404, "/problems/unknown-alarm")
