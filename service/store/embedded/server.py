"""One server process: make its data folder, start it, know it again, stop it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from service.errors import EmbeddedPostgresError
from service.store.embedded.place import Place

USER = DATABASE = "stepwedge"
MAJOR = "18"
TIE = "kernel" if sys.platform == "linux" else "watch"  # how a server ends with us, see launch.py
READY_WITHIN_S = 120.0  # recovery after a crash takes its time
STOP_WITHIN_S = 30.0
LOOK_EVERY_S = 0.02
PORT_ATTEMPTS = 5
LOG_TAIL_LINES = 15

# Durable, small, silent about rows: an error in the log names no value.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


def url_of(place: Place, port: int) -> str:
    """The address of the server of this place on this port."""
    return f"postgresql://{USER}:{place.password.read_text()}@127.0.0.1:{port}/{DATABASE}?sslmode=disable"


def running(place: Place) -> str | None:
    """The URL of the server that runs on this place's data, or None.

    postmaster.pid may be stale and its pid and port reused, so only a server that knows our password and says that it has our folder counts.
    """
    try:
        port = int((place.data / "postmaster.pid").read_text().splitlines()[3])
        url = url_of(place, port)
    except (FileNotFoundError, ValueError, IndexError):
        return None
    return url if _serves(url, place.data) else None


def _serves(url: str, data: Path) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2, require_auth="scram-sha-256") as connection:
            row = connection.execute("show data_directory").fetchone()
    except psycopg.Error:
        return False
    return row is not None and Path(row[0]) == data


@contextmanager
def started(place: Place, lock: int) -> Iterator[str]:
    """A server on this place for as long as the context lasts.

    Takes over the descriptor of the place's lock: from its start the server alone holds it, until its last process has ended.
    """
    # The kernel ends the server when the thread that started it ends, so that thread must last as long as the context.
    with ThreadPoolExecutor(1, "embedded-postgres") as spawner:
        try:
            _make_data(place)
            (place.data / "postmaster.pid").unlink(missing_ok=True)  # the lock is ours, so whoever wrote it is gone
            process, url = _start(place, lock, spawner)
        finally:
            os.close(lock)
        try:
            yield url
        finally:
            _stop(process)


def _make_data(place: Place) -> None:
    """Run initdb into a sibling and rename it, so that a data folder is either absent or whole."""
    made = place.data / "PG_VERSION"
    if made.exists():
        if made.read_text().strip() != MAJOR:
            raise EmbeddedPostgresError(f"The data in {place.data} were written by another major version of Postgres; this one is {MAJOR}.")
        return
    for half in place.folder.glob("initdb-*"):
        shutil.rmtree(half)
    _make_password(place)
    half = Path(tempfile.mkdtemp(prefix="initdb-", dir=place.folder))
    place.give(half)
    options = ("--username", USER, "--pwfile", str(place.password), "--auth", "scram-sha-256", "--encoding", "UTF8")
    locale = ("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8")
    command = _command(place, "initdb", "--pgdata", str(half), *options, *locale)
    result = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if result.returncode != 0:
        raise EmbeddedPostgresError(f"initdb failed in {half}:\n{_tail(result.stderr)}")
    half.rename(place.data)
    _sync(place.folder)


def _make_password(place: Place) -> None:
    descriptor, name = tempfile.mkstemp(prefix="password-", dir=place.folder)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(24))
        file.flush()
        os.fsync(file.fileno())
    place.give(Path(name))
    Path(name).rename(place.password)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _command(place: Place, program: str, *arguments: str) -> list[str]:
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py")), str(os.getpid())]
    uid, gid = (place.account.uid, place.account.gid) if place.account else (-1, -1)
    return [*launcher, str(uid), str(gid), TIE, str(place.programs / program), *arguments]


def _start(place: Place, lock: int, spawner: ThreadPoolExecutor) -> tuple[subprocess.Popen[bytes], str]:
    for _ in range(PORT_ATTEMPTS):
        port = _free_port()
        process = spawner.submit(_spawn, place, port, lock).result()
        try:
            if _wait_until_ready(process, place, port):
                return process, url_of(place, port)
        except BaseException:
            _stop(process)
            raise
        if "could not bind" not in place.log.read_text(errors="replace"):
            break
    raise EmbeddedPostgresError(
        f"The embedded Postgres ended at once. The end of {place.log}:\n{_tail(place.log.read_text(errors='replace'))}"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _spawn(place: Place, port: int, lock: int) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own: Ctrl-C is for us, and we stop it last."""
    if place.log.exists():
        place.log.rename(place.log.with_suffix(".log.old"))
    settings = [option for name, value in (SETTINGS | {"port": str(port)}).items() for option in ("-c", f"{name}={value}")]
    command = _command(place, "postgres", "-D", str(place.data), *settings)
    with place.log.open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - the command is ours
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(lock,), start_new_session=True
        )


def _wait_until_ready(process: subprocess.Popen[bytes], place: Place, port: int) -> bool:
    """True when the server answers on our database, False when it ended instead."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        if _ensure_database(url_of(place, port)):
            return True
        time.sleep(LOOK_EVERY_S)
    message = f"The embedded Postgres did not answer within {READY_WITHIN_S:.0f} s. The end of {place.log}:\n"
    raise EmbeddedPostgresError(message + _tail(place.log.read_text(errors="replace")))


def _ensure_database(url: str) -> bool:
    try:
        with psycopg.connect(url, dbname="postgres", connect_timeout=2, require_auth="scram-sha-256", autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    except psycopg.OperationalError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask for a fast shutdown, then for an immediate one, then insist."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            continue
        return


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])
