"""The doctor finds what is wrong, says what to do, and is silent where all is well."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from service.cli import checks
from service.cli.checks import Health, Result
from service.cli.doctor import examine
from service.cli.secret_files import own_key
from service.config import Settings
from service.store.references import save_reference
from service.store.snapshots import save_snapshot
from tests.api.serving import DICOM, make_settings, register, serving, until_loaded
from tests.cli.running import stepwedge
from tests.films import make_film
from tests.ports import free_port


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
