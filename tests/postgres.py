"""A real Postgres for the tests: one server a worker process, one migrated template, one fresh database a test."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from psycopg import sql
from sqlalchemy import make_url

from service.store.embedded import embedded_postgres
from service.store.embedded.place import wheel
from service.store.engine import open_engine
from service.store.migrate import migrate

STOPPED_WITHIN_S = 30.0


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A temporary folder that an unprivileged account may enter too: pytest's own are closed to the server when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="stepwedge-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        for lock in folder.glob("**/postgres/lock"):
            wait_until_stopped(lock.parents[1])
        shutil.rmtree(folder)


def wait_until_stopped(data_dir: Path) -> None:
    """Wait until the last process of the embedded server of this folder has ended; each of them holds its lock.

    Raises:
        TimeoutError: The server outlived its owner.
    """
    deadline = time.monotonic() + STOPPED_WITHIN_S
    with (data_dir / "postgres" / "lock").open() as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError("the embedded server outlived its owner") from None
                time.sleep(0.02)
            else:
                return


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server with nothing in it; STEPWEDGE_TEST_DATABASE_URL names another one, say of an older version."""
    if given := os.environ.get("STEPWEDGE_TEST_DATABASE_URL"):
        yield given
        return
    with reachable_folder() as folder, embedded_postgres(folder) as url:
        yield url


@contextmanager
def database(server_url: str, template: str = "template0") -> Iterator[str]:
    """The URL of a fresh database, copied from `template` and dropped at the end with whoever is still connected."""
    name = f"test_{uuid4().hex}"
    _administer(server_url, "create database {} template {}", name, template)
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        _administer(server_url, "drop database {} with (force)", name)


@contextmanager
def migrated_template(server_url: str) -> Iterator[str]:
    """The name of a migrated database that fresh ones are copied from."""
    with database(server_url) as url:
        migrate(url)
        yield make_url(url).database or ""


def _administer(server_url: str, statement: str, *names: str) -> None:
    engine = open_engine(server_url)
    try:
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql(sql.SQL(statement).format(*map(sql.Identifier, names)).as_string(None))
    finally:
        engine.dispose()


def schema_of(url: str, without: str = "-") -> str:
    """The schema as pg_dump writes it, but for one table and for what differs from dump to dump."""
    command = [pg_dump(), "--schema-only", "--no-owner", f"--exclude-table={without}", f"--dbname={url}"]
    dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in dump.splitlines() if line and not line.startswith(("--", "\\")))


def pg_dump() -> str:
    """The wheel's pg_dump: it reads servers of its own version and older."""
    return str(wheel() / "pginstall" / "bin" / "pg_dump")
