"""The doctor finds what is wrong, says what to do, and is silent where all is well."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, make_url, text

from service.cli import checks
from service.cli.doctor import examine
from service.cli.secret_files import own_key
from service.config import Settings
from service.diagnosis.inbox import inbox
from service.diagnosis.machine import certificates
from service.diagnosis.result import Health, Result
from service.store.durable import try_hold
from service.store.predictions import record_batch
from service.store.references import save_reference
from service.store.snapshots import save_snapshot
from tests.api.serving import DICOM, make_settings, register, serving, until_loaded
from tests.certificates import make_pair
from tests.cli.running import stepwedge
from tests.films import make_film
from tests.ports import free_port
from tests.store.builders import make_prediction


def results(settings: Settings) -> dict[str, Result]:
    return dict(examine(settings))


def wrong(settings: Settings) -> set[str]:
    found = {name for name, result in examine(settings) if result.health is Health.WRONG}
    assert all(result.advice for result in results(settings).values() if result.health is Health.WRONG), "whatever is wrong has its advice"
    return found


@pytest.fixture
def settings(postgres_url: str, tmp_path: Path) -> Settings:
    return make_settings(postgres_url, tmp_path)


def test_an_empty_installation_has_nothing_wrong(settings: Settings) -> None:
    found = results(settings)
    assert wrong(settings) == set()
    assert found["gateway"].health is Health.NOTE
    assert "stepwedge register" in found["models"].advice


def test_a_folder_where_nothing_was_started_yet_is_no_fault(tmp_path: Path) -> None:
    said = stepwedge(
        "doctor", data_dir=tmp_path, STEPWEDGE_PORT=str(free_port()), STEPWEDGE_PSEUDONYM_KEY="6f1b0c9d2e8a47533a9cf0d1e2b48576"
    )
    assert said.returncode == 0, said.stdout
    assert "stepwedge up" in said.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_missing_or_open_to_all_is_wrong(settings: Settings, tmp_path: Path) -> None:
    keyless = settings.model_copy(update={"pseudonym_key": None})
    assert wrong(keyless) == {"pseudonym key"}
    own_key(tmp_path).chmod(0o644)
    assert wrong(keyless) == {"pseudonym key"}
    own_key(tmp_path).chmod(0o600)
    assert wrong(keyless) == set()


def test_a_database_that_is_away_is_wrong_and_ends_the_questions(settings: Settings) -> None:
    away = settings.model_copy(update={"database_url": "postgresql://nobody:x@127.0.0.1:9/none"})
    assert wrong(away) == {"postgres"}
    assert "tables" not in results(away)


def test_missing_tables_are_wrong_with_their_remedy(settings: Settings, empty_postgres_url: str) -> None:
    empty = settings.model_copy(update={"database_url": empty_postgres_url})
    assert wrong(empty) == {"tables"}
    assert results(empty)["tables"].advice == "stepwedge migrate"


def test_a_running_gateway_is_asked_and_its_books_are_checked(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        client.post("/v1/models/chest/predictions", content=make_film(), headers=DICOM)
        client.post("/v1/models/chest/predictions", content=b"garbage", headers=DICOM)
        found = results(settings)
    assert wrong(settings) == set()
    assert (
        found["capture ledger"].detail
        == "received 2 = recorded 1 + replayed 0 + spooled 0 + unrecorded 0 + refused 1 + failed 0 + in work 0"
    )
    assert "chest 1 (1 predictions)" in found["models"].detail
    assert "stepwedge reference" in found["watch"].advice


def test_books_that_do_not_balance_are_wrong(settings: Settings, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    books = b"stepwedge_requests_received_total 3.0\nstepwedge_requests_recorded_total 1.0\nstepwedge_requests_in_progress 1.0\n"
    monkeypatch.setattr(checks, "fetch", lambda _settings, _path: (200, books))
    assert checks.capture_ledger(settings).health is Health.WRONG
    with engine.begin() as connection:
        connection.execute(text("insert into submissions values ('k', gen_random_uuid(), 'c', now())"))
    assert "stored ledger" in wrong(settings)


def test_a_package_that_vanished_is_wrong(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    register(engine, settings, tmp_path / "package")
    lost = settings.model_copy(update={"objects": str(tmp_path / "elsewhere")})
    assert wrong(lost) == {"models"}


def test_a_watched_model_without_a_recent_run_is_wrong(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    register(engine, settings, tmp_path / "package")
    long_ago = datetime(2026, 3, 2, tzinfo=UTC)
    with engine.begin() as connection:
        version = connection.execute(text("select id from model_versions")).scalar_one()
        save_reference(connection, version, since=long_ago, until=long_ago, built_at=long_ago, payload=b"")
    assert wrong(settings) == {"watch"}
    for computed, expected in ((long_ago, {"watch"}), (datetime.now(UTC), set())):
        with engine.begin() as connection:
            save_snapshot(connection, version, until=computed, computed_at=computed, payload={})
        assert wrong(settings) == expected


def test_something_else_on_our_port_is_noticed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "fetch", lambda _settings, _path: (200, b"<html>"))
    assert checks.gateway(settings).health is Health.WRONG


def test_a_role_that_may_not_write_is_told_which_tables(settings: Settings, engine: Engine) -> None:
    address = make_url(settings.database_url or "").set(username="looker", password="looker")
    with engine.begin() as connection:
        connection.execute(text("drop role if exists looker"))
        connection.execute(text("create role looker login password 'looker'"))
        connection.execute(text("grant select on all tables in schema public to looker"))
    try:
        looker = settings.model_copy(update={"database_url": address.render_as_string(hide_password=False)})
        assert wrong(looker) == {"tables"}
        assert "predictions (owner)" in results(looker)["tables"].detail
        assert "labels (insert)" in results(looker)["tables"].detail
    finally:
        with engine.begin() as connection:
            connection.execute(text("drop owned by looker"))
            connection.execute(text("drop role looker"))


def test_a_server_that_may_lose_commits_or_takes_none_is_wrong(settings: Settings, engine: Engine) -> None:
    for option, told in (("synchronous_commit=off", "synchronous_commit"), ("default_transaction_read_only=on", "read-only")):
        url = make_url(settings.database_url or "").update_query_dict({"options": f"-c {option}"}).render_as_string(hide_password=False)
        found = results(settings.model_copy(update={"database_url": url}))["postgres"]
        assert (found.health, told in found.detail) == (Health.WRONG, True)


def test_a_film_of_tomorrow_is_a_clock_that_is_wrong_unless_one_is_played(settings: Settings, engine: Engine) -> None:
    with engine.begin() as connection:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        record_batch(connection, [make_prediction("early", at=tomorrow)], uuid4())
    assert wrong(settings) == {"clocks"}
    assert wrong(settings.model_copy(update={"replay_clock": True})) == set()


def test_a_receiver_that_does_not_answer_is_wrong(settings: Settings) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    deaf = settings.model_copy(update={"pacs_url": nobody, "webhook_url": nobody, "results_url": nobody, "oidc_issuer": nobody})
    assert wrong(deaf) == {"PACS", "remedy webhook", "result webhook", "token issuer"}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there = settings.model_copy(update={"pacs_url": f"http://127.0.0.1:{listening.getsockname()[1]}/dicom-web"})
        assert wrong(there) == set()


def test_a_certificate_that_ends_soon_or_is_another_keys_is_wrong(settings: Settings, tmp_path: Path) -> None:
    authority = make_pair(tmp_path / "tls", "authority")
    pair, other = (make_pair(tmp_path / "tls", name, authority) for name in ("gateway", "other"))
    soon = certificates(settings.model_copy(update={"tls_certificate": pair.certificate, "tls_key": pair.key}))
    assert (soon.health, "Renew" in soon.advice) == (Health.WRONG, True)
    mixed = certificates(settings.model_copy(update={"tls_certificate": pair.certificate, "tls_key": other.key}))
    assert (mixed.health, "cannot be used" in mixed.detail) == (Health.WRONG, True)


def test_studies_of_a_gateway_that_is_gone_are_wrong(settings: Settings) -> None:
    left = settings.inbox_folder / str(uuid4())
    left.mkdir(parents=True)
    (left / f"{uuid4()}.dcm").write_bytes(b"film")
    assert wrong(settings) == {"inbox"}
    lock = try_hold(left / "lock")
    assert lock is not None
    assert inbox(settings).health is Health.NOTE, "a gateway has it in hand"
    os.close(lock)


def test_an_object_folder_that_takes_nothing_is_wrong(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert wrong(settings.model_copy(update={"archive": str(tmp_path / "file")})) == {"object folder"}
    assert wrong(settings.model_copy(update={"objects": "memory://doctor"})) == set()


def test_a_program_reads_the_same_as_a_person(tmp_path: Path) -> None:
    said = stepwedge("doctor", "--json", data_dir=tmp_path, STEPWEDGE_PORT=str(free_port()))
    found = json.loads(said.stdout)
    assert (said.returncode, found["ok"]) == (1, False)
    assert [one["check"] for one in found["checks"] if one["health"] == "wrong"] == ["pseudonym key"]
    assert all(one["advice"] for one in found["checks"] if one["health"] == "wrong")
