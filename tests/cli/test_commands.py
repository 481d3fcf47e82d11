"""Every command reads well, says what to do next, and fails in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from service.cli.program import COMMANDS
from service.cli.setup import need_free, read_settings
from service.config import Settings
from service.errors import SetupError
from service.gateway.key import pseudonym_key
from tests.api.package import make_package
from tests.api.serving import DICOM, make_settings, register, serving, until_loaded
from tests.cli.running import failure, stepwedge
from tests.films import make_film
from tests.ports import free_port
from tests.worker import hospital

NAMES = [command.__name__ for _, command in COMMANDS]
HEAVY = "torch", "pydicom", "scipy", "fastapi"


def test_help_lists_every_command_and_each_has_a_help_of_its_own(tmp_path: Path) -> None:
    said = stepwedge("--help", data_dir=tmp_path)
    assert said.returncode == 0
    for name in NAMES:
        assert f" {name} " in said.stdout
    assert {"up", "gateway", "worker", "migrate", "demo", "replay", "register", "labels", "doctor"} <= set(NAMES)
    assert " keys " in said.stdout


@pytest.mark.parametrize("name", ["up", "labels", "replay"])
def test_a_command_explains_itself(name: str, tmp_path: Path) -> None:
    said = stepwedge(name, "--help", data_dir=tmp_path)
    assert said.returncode == 0
    assert len(said.stdout.splitlines()) > 8
    assert "leash" not in said.stdout


def test_help_waits_for_no_heavy_library() -> None:
    code = f"import sys; import service.cli.program; print([name for name in {HEAVY!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_migrate_says_what_comes_next_and_may_be_repeated(empty_postgres_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        said = stepwedge("migrate", data_dir=tmp_path, DATABASE_URL=empty_postgres_url)
        assert said.returncode == 0, said.stderr
        assert "stepwedge register" in said.stdout


def test_register_says_what_comes_next_and_what_is_wrong(postgres_url: str, tmp_path: Path) -> None:
    package = make_package(tmp_path / "package")
    for _ in range(2):
        said = stepwedge("register", str(package), data_dir=tmp_path, DATABASE_URL=postgres_url)
        assert said.returncode == 0, said.stderr
        assert "chest 1 is registered" in said.stdout
    (package / "weights.safetensors").write_bytes(b"damaged")
    assert "sha256" in failure(stepwedge("register", str(package), data_dir=tmp_path, DATABASE_URL=postgres_url))
    assert "model.toml" in failure(stepwedge("register", str(tmp_path), data_dir=tmp_path, DATABASE_URL=postgres_url))


def test_a_reference_needs_a_model_and_films(postgres_url: str, tmp_path: Path) -> None:
    period = ("--since", "2026-03-01", "--until", "2026-03-31")
    failure(stepwedge("reference", "build", "chest", *period, data_dir=tmp_path, DATABASE_URL=postgres_url))
    stepwedge("register", str(make_package(tmp_path / "package")), data_dir=tmp_path, DATABASE_URL=postgres_url)
    failure(stepwedge("reference", "build", "chest", *period, data_dir=tmp_path, DATABASE_URL=postgres_url))


def test_a_second_reference_is_proposed_looked_at_and_activated_for_a_reason(engine: Engine, postgres_url: str, tmp_path: Path) -> None:
    version = hospital.make_version(engine)
    hospital.send_days(engine, version, 0, 20)
    hospital.send_days(engine, version, 20, 20, hospital.Stream(scanner="Gamma", kvp=9.0))

    def told(*arguments: str) -> str:
        said = stepwedge("reference", *arguments, data_dir=tmp_path, DATABASE_URL=postgres_url)
        assert said.returncode == 0, said.stderr
        return said.stdout

    first, second = ("--since", "2026-01-05", "--until", "2026-01-25"), ("--since", "2026-01-25", "--until", "2026-02-14")
    assert "reference 1" in told("build", "chest", *first)
    refused = failure(stepwedge("reference", "build", "chest", *second, data_dir=tmp_path, DATABASE_URL=postgres_url))
    assert "stepwedge reference propose" in refused
    shown = told("propose", "chest", *second, "--without", "2026-01-30/2026-02-01", "--stratum", "site")
    assert "site=south is compared with its own" in shown
    assert "PatientSex" in failure(
        stepwedge("reference", "propose", "chest", *second, "--stratum", "ward", data_dir=tmp_path, DATABASE_URL=postgres_url)
    )
    assert "lie beyond its bands" in shown
    assert "Budget: 1 false alarms a year" in shown
    assert "activate 2" in shown
    assert "reason" in failure(stepwedge("reference", "activate", "2", "--reason", "ok", data_dir=tmp_path, DATABASE_URL=postgres_url))
    assert "reference 2" in told("activate", "2", "--reason", "The south has a new scanner since January 25.")
    listed = told("list", "chest").splitlines()
    assert [line.split()[1] for line in listed] == ["active", "retired"]
    assert "without 2026-01-30 to 2026-02-01" in listed[0]
    assert listed[0].endswith("The south has a new scanner since January 25.")


def test_a_replay_plays_a_period_to_its_end(postgres_url: str, tmp_path: Path) -> None:
    said = stepwedge("replay", "--since", "2026-03-01", "--until", "2026-03-04", data_dir=tmp_path, DATABASE_URL=postgres_url)
    assert said.returncode == 0, said.stderr
    assert "2026-03-04 00:00 UTC" in said.stdout
    failure(stepwedge("replay", "--since", "2026-03-04", "--until", "2026-03-01", data_dir=tmp_path, DATABASE_URL=postgres_url))


def test_a_gateway_refuses_to_start_without_a_key_worth_the_name(postgres_url: str, tmp_path: Path) -> None:
    for key in ({}, {"STEPWEDGE_PSEUDONYM_KEY": "short"}):
        said = stepwedge("gateway", data_dir=tmp_path, DATABASE_URL=postgres_url, STEPWEDGE_PORT=str(free_port()), **key)
        assert "openssl rand -hex 32" in failure(said)


def test_a_key_is_read_from_its_setting_or_its_file_and_a_weak_one_is_none(tmp_path: Path) -> None:
    file = tmp_path / "key"
    strong = "6f1b0c9d2e8a47533a9cf0d1e2b48576"
    file.write_text(strong + "\n")
    file.chmod(0o640)
    assert pseudonym_key(Settings(pseudonym_key_file=file)) == strong.encode()
    file.chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        pseudonym_key(Settings(pseudonym_key_file=file))
    for weak in ("short", 40 * "a", "", 2 * "0123456789abcdef", 5 * "20260302", "abcdefghijklmnopqrstuvwxyz012345"):
        with pytest.raises(SetupError, match="openssl"):
            pseudonym_key(Settings(pseudonym_key=SecretStr(weak)))
    with pytest.raises(SetupError, match="cannot be read"):
        pseudonym_key(Settings(pseudonym_key_file=tmp_path / "none"))


def test_labels_are_sent_with_a_sum_of_what_became_of_them(
    postgres_url: str, engine: Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(postgres_url, tmp_path)
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        film = client.post("/v1/models/chest/predictions", content=make_film(), headers=DICOM).json()["id"]
        word = {"prediction": film, "finding": "opacity", "value": 1, "source": "report", "made_at": "2026-03-02T15:30:00Z"}
        good, bad = tmp_path / "labels.ndjson", tmp_path / "labels.csv"
        good.write_text(json.dumps(word) + "\n")
        bad.write_text(f"prediction,finding,value,source,made_at\n{film},fracture,1,report,2026-03-02T15:30:00Z\n")
        said = stepwedge("labels", str(good), "--url", str(client.base_url), data_dir=tmp_path)
        assert (said.returncode, said.stdout) == (0, "1 statements: 1 taken, 0 refused; 1 labels are new.\n")
        said = stepwedge("labels", str(bad), data_dir=tmp_path, STEPWEDGE_PORT=str(settings.port))
        assert said.returncode == 1
        assert "line 2: The model has no finding of this name." in said.stderr
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from labels")).scalar_one() == 1
    assert "Name it with --url" in failure_after_bar(stepwedge("labels", str(good), "--url", str(client.base_url), data_dir=tmp_path))
    assert ".csv" in failure(stepwedge("labels", str(tmp_path / "package" / "model.toml"), data_dir=tmp_path))


def failure_after_bar(said: subprocess.CompletedProcess[str]) -> str:
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    return said.stderr.strip().splitlines()[-1]


def test_a_setting_that_is_not_valid_is_named_but_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWEDGE_PORT", "secret value")
    monkeypatch.setenv("STEPWEDGE_SITE", "Not A Slug")
    with pytest.raises(SetupError) as error:
        read_settings()
    assert "STEPWEDGE_PORT" in str(error.value)
    assert "STEPWEDGE_SITE" in str(error.value)
    assert "secret value" not in str(error.value)


def test_a_host_that_is_not_ours_cannot_be_listened_on() -> None:
    with pytest.raises(SetupError, match="STEPWEDGE_PORT"):
        need_free("192.0.2.1", 8000, "STEPWEDGE_PORT")


def test_settings_without_an_environment_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert isinstance(read_settings(), Settings)
