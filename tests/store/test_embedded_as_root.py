"""Postgres refuses root, so root starts it under another account, and opens nothing to the world for that."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from service.store.embedded import embedded_postgres, place
from tests.postgres import reachable_folder
from tests.store.asking import ask

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers under another account")


def test_root_starts_the_server_under_an_unprivileged_account_and_opens_no_folder(new_data_dir: Path) -> None:
    before = new_data_dir.stat()
    with embedded_postgres(new_data_dir) as url:
        pid = (new_data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0]
        assert Path(f"/proc/{pid}").stat().st_uid != 0
        assert ask(url, "select 1") == 1
    assert (new_data_dir / "postgres").stat().st_mode & 0o777 == 0o700
    assert (new_data_dir.stat().st_mode, new_data_dir.stat().st_uid) == (before.st_mode, before.st_uid)


def test_data_that_the_account_cannot_reach_lie_elsewhere_behind_a_link(
    new_data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "ELSEWHERE", new_data_dir / "elsewhere")
    tmp_path.chmod(0o700)
    with embedded_postgres(tmp_path) as url:
        ask(url, "create table kept as select 7 as seven")
    assert (tmp_path / "postgres").is_symlink()
    with embedded_postgres(tmp_path) as url:
        assert ask(url, "select seven from kept") == 7


def test_programs_that_the_account_cannot_reach_are_copied_beside_the_data(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = place.wheel()
    tmp_path.chmod(0o700)
    for folder in (original, original.with_name(f"{original.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("include"))
    monkeypatch.setattr(place, "wheel", lambda: tmp_path / original.name)
    with embedded_postgres(data_dir) as url:
        assert ask(url, "select 1") == 1
    assert [path.name for path in (data_dir / "postgres").glob("programs-*")] == [f"programs-{version(place.WHEEL)}"]


def test_an_unprivileged_user_runs_the_server_as_himself(data_dir: Path) -> None:
    account = pwd.getpwnam("nobody")
    environment = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *(path for path in sys.path if "site-packages" in path)])}

    def run(python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [python, *arguments],
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=[],
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except PermissionError:
            return subprocess.CompletedProcess(python, 1)

    pythons = (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}")
    usable = [
        python
        for python in pythons
        if Path(python).exists() and run(python, "-c", "import psycopg, service.store.embedded").returncode == 0
    ]
    if not usable:
        pytest.skip("no interpreter here can be run by another account")
    with reachable_folder() as own:
        os.chown(own, account.pw_uid, account.pw_gid)
        done = run(usable[0], "-m", "tests.store.holder", str(own))
        assert (done.returncode, done.stdout[:13]) == (0, "postgresql://"), done.stderr
        assert (own / "postgres" / "data").stat().st_uid == account.pw_uid
    closed = run(usable[0], "-m", "tests.store.holder", str(data_dir))
    assert "belongs to somebody else" in closed.stderr
