"""An installation on one machine: a Postgres, and any number of gateways and workers as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from service.config import Settings
from service.models.registry import register_package
from service.store.embedded import embedded_postgres
from service.store.engine import open_engine
from service.store.migrate import migrate
from tests.api.package import make_package
from tests.api.serving import KEY
from tests.benchmarks.besieged import MARKER
from tests.benchmarks.plain_http import Connection
from tests.callers import issue_test_key
from tests.films import make_film, phantom
from tests.ports import free_port

MODEL = "chest"
WORKER_INTERVAL_S = 5.0


@dataclass(frozen=True)
class Part:
    """One process: gateway or worker, the port it listens on, and a folder of its own."""

    role: str
    number: int
    port: int
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.role}-{self.number}"


class Installation:
    """Everything is up when it is made, but for the processes; `start_all` starts them."""

    def __init__(self, folder: Path, gateways: int, workers: int, **settings: str) -> None:
        """Make the database and register one small model. settings: of every process, by the names of their variables."""
        self.folder = folder
        self._server = ExitStack()
        self.url = self._server.enter_context(embedded_postgres(folder))
        migrate(self.url)
        self.engine: Engine = open_engine(self.url)
        self._settings = settings
        self._objects = Settings(data_dir=folder).object_folder
        package = make_package(folder / "package", findings=("opacity",))
        self.version = register_package(self.engine, self._objects, package, at=datetime.now(UTC))
        issue_test_key(self.url)
        numbers = [("gateway", number) for number in range(gateways)] + [("worker", number) for number in range(workers)]
        self.parts = tuple(Part(role, number, free_port(), folder / f"{role}-{number}") for role, number in numbers)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: Counter[str] = Counter()
        uid = MARKER.decode()
        self.film = make_film(phantom(64, 64), SOPInstanceUID=f"1.2.{uid}", StudyInstanceUID=f"1.3.{uid}", SeriesInstanceUID="1.4")

    @property
    def gateways(self) -> Sequence[Part]:
        return [part for part in self.parts if part.role == "gateway"]

    def close(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()
        self.engine.dispose()
        self._server.close()

    def start_all(self) -> None:
        for part in self.parts:
            self.start(part)

    def start(self, part: Part) -> None:
        """Start a process, as whatever supervises it would; it stays what it was, whatever died in it."""
        part.folder.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "DATABASE_URL": self.url,
            "STEPWEDGE_DATA_DIR": str(part.folder),
            "STEPWEDGE_OBJECTS": self._objects,
            "STEPWEDGE_PORT" if part.role == "gateway" else "STEPWEDGE_WORKER_PORT": str(part.port),
            "STEPWEDGE_PSEUDONYM_KEY": KEY,
            "STEPWEDGE_WORKER_INTERVAL_S": str(WORKER_INTERVAL_S),
            "OMP_NUM_THREADS": "1",
            **self._settings,
        }
        with (self.folder / f"{part.name}.log").open("ab") as log:
            command = [sys.executable, "-m", "service", part.role]
            self.running[part.name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def kill(self, part: Part) -> None:
        """SIGKILL, and a new process in its place."""
        process = self.running[part.name]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.start(part)
        self.kills[part.role] += 1

    def body(self, film: int) -> bytes:
        """The film of this number: like all others but for its identifiers."""
        return self.film.replace(MARKER, b"%010d" % (1_000_000_001 + film))

    async def answers(self, part: Part) -> bool:
        try:
            connection = await Connection.open(part.port)
        except OSError:
            return False
        try:
            status, _ = await connection.get("/livez")
        except (OSError, EOFError):
            return False
        finally:
            connection.close()
        return status == 200
