"""An embedded server starts anywhere, is shared, keeps its data, and never outlives who asked for it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from service.errors import EmbeddedPostgresError
from service.store.embedded import embedded_postgres, server
from tests.postgres import wait_until_stopped
from tests.store.asking import ask

REPOSITORY = Path(__file__).resolve().parents[2]


def started_at(url: str) -> object:
    return ask(url, "select pg_postmaster_start_time()")


@contextmanager
def holder(data_dir: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that holds a server, and the URL that it was given."""
    command = [sys.executable, "-m", "tests.store.holder", str(data_dir), *arguments]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_the_data_outlive_the_server_and_the_server_does_not_outlive_its_context(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as first:
        ask(first, "create table kept as select 7 as seven")
    wait_until_stopped(data_dir)
    with pytest.raises(psycopg.OperationalError):
        ask(first, "select 1")
    with embedded_postgres(data_dir) as second:
        assert ask(second, "select seven from kept") == 7


def test_a_server_answers_on_the_loopback_alone_and_only_to_who_knows_the_password(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as url:
        assert (ask(url, "show listen_addresses"), ask(url, "show unix_socket_directories")) == ("127.0.0.1", "")
        assert (ask(url, "show fsync"), ask(url, "show timezone")) == ("on", "UTC")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url, password="guess")
    assert (data_dir / "postgres" / "password").stat().st_mode & 0o777 == 0o600


def test_who_comes_second_is_given_the_same_server_and_leaves_it_running(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as first:
        with embedded_postgres(data_dir) as second:
            assert second == first
        assert ask(first, "select 1") == 1


def test_processes_that_start_at_once_share_one_server(new_data_dir: Path) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(3) as pool:
        holders = list(pool.map(lambda _: stack.enter_context(holder(new_data_dir)), range(3)))
        assert len({started_at(url) for _, url in holders}) == 1


def test_servers_of_different_folders_do_not_clash(data_dir: Path, new_data_dir: Path) -> None:
    with embedded_postgres(data_dir) as a, embedded_postgres(new_data_dir) as b:
        assert ask(a, "show data_directory") != ask(b, "show data_directory")


@pytest.mark.parametrize("tie", ["kernel", "watch"])
def test_a_server_ends_with_an_owner_that_is_killed_and_its_data_are_whole(data_dir: Path, tie: str) -> None:
    if tie == "kernel" and sys.platform != "linux":
        pytest.skip("only Linux ends a child with its parent")
    with holder(data_dir, tie) as (process, url):
        ask(url, "create table kept as select 7 as seven")
        process.kill()
        process.wait()
        wait_until_stopped(data_dir)
    with embedded_postgres(data_dir) as url:
        assert ask(url, "select seven from kept") == 7


@pytest.mark.parametrize("tie", ["kernel", "watch"])
def test_a_server_ends_with_an_owner_that_ends_in_order(data_dir: Path, tie: str) -> None:
    if tie == "kernel" and sys.platform != "linux":
        pytest.skip("only Linux ends a child with its parent")
    with holder(data_dir, tie) as (process, _):
        process.communicate()
        assert process.returncode == 0
        wait_until_stopped(data_dir)
    log = (data_dir / "postgres" / "server.log").read_text()
    assert "database system is shut down" in log


def test_an_interrupt_from_the_terminal_leaves_the_server_to_its_owner(data_dir: Path) -> None:
    with holder(data_dir) as (process, url):
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "interrupted\n"
        assert ask(url, "select 1") == 1
        process.communicate()
        assert process.returncode == 0


def test_a_server_lives_on_when_the_thread_that_asked_for_it_has_ended(data_dir: Path) -> None:
    with ExitStack() as stack:
        with ThreadPoolExecutor(1) as pool:
            url = pool.submit(stack.enter_context, embedded_postgres(data_dir)).result()
        assert ask(url, "select 1") == 1


def test_a_stale_pid_file_whose_pid_and_port_belong_to_others_now_fools_nobody(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as url:
        born = started_at(url)
    with socket.create_server(("127.0.0.1", 0)) as other:
        data = data_dir / "postgres" / "data"
        (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n0\n{other.getsockname()[1]}\n\n127.0.0.1\n0 0\nready\n")
        with embedded_postgres(data_dir) as url:
            assert started_at(url) != born


def test_a_copied_data_folder_is_not_taken_for_the_one_that_it_was_copied_from(data_dir: Path, finished: Path) -> None:
    with embedded_postgres(finished):
        shutil.copy(finished / "postgres" / "data" / "postmaster.pid", data_dir / "postgres" / "data")
        with embedded_postgres(data_dir) as url:
            assert ask(url, "show data_directory") == str((data_dir / "postgres" / "data").resolve())


def test_a_data_folder_that_was_never_finished_is_made_anew(new_data_dir: Path) -> None:
    half = new_data_dir / "postgres" / "initdb-half"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    with embedded_postgres(new_data_dir) as url:
        assert ask(url, "select 1") == 1
    assert not half.exists()


def test_data_of_another_major_version_are_left_alone(data_dir: Path) -> None:
    (data_dir / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match="another major version"), embedded_postgres(data_dir):
        pass


def test_a_port_that_somebody_takes_in_the_last_moment_is_exchanged_for_another(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = [server._free_port(), other.getsockname()[1]]
        monkeypatch.setattr(server, "_free_port", ports.pop)
        with embedded_postgres(data_dir) as url:
            assert ask(url, "select 1") == 1
    assert ports == []


def test_a_server_that_does_not_start_says_why(data_dir: Path) -> None:
    with (data_dir / "postgres" / "data" / "postgresql.conf").open("a") as settings:
        settings.write("nonsense = 1\n")
    with pytest.raises(EmbeddedPostgresError, match="nonsense"), embedded_postgres(data_dir):
        pass
    wait_until_stopped(data_dir)
