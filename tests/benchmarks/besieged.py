"""A Postgres behind a proxy and two gateways on one volume, and whatever can be done to them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy import make_url

from service.config import Settings
from service.models.registry import register_package
from service.store.embedded import embedded_postgres
from service.store.engine import open_engine
from service.store.migrate import migrate
from tests.api.package import make_package
from tests.api.serving import KEY
from tests.benchmarks.plain_http import Connection
from tests.callers import issue_test_key
from tests.films import make_film, phantom
from tests.ports import free_port
from tests.proxy import Proxy

Fault = Literal[
    "first gateway killed",
    "postgres frozen",
    "connections reset",
    "second gateway killed",
    "postgres killed",
    "network silent",
    "postgres stopped",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
MARKER = b"1000000000"
PATIENCE_S = 20.0
SETTLED_WITHIN_S = 120.0


class Place:
    """A Postgres behind a proxy, and two gateways that share a volume."""

    def __init__(self, folder: Path) -> None:
        """Everything is up when this returns, but for the gateways."""
        self.folder = folder
        self._server = ExitStack()
        self.url = self._server.enter_context(embedded_postgres(folder))
        migrate(self.url)
        self.proxy = Proxy(make_url(self.url).port or 0)
        self.ports = (free_port(), free_port())
        self.gateways: list[subprocess.Popen[bytes] | None] = [None, None]
        self.faults: Counter[str] = Counter()
        engine = open_engine(self.url)
        package = make_package(folder / "package")
        register_package(engine, Settings(data_dir=folder).object_folder, package, at=datetime.now(UTC))
        engine.dispose()
        issue_test_key(self.url)
        self.film = make_film(
            phantom(64, 64), SOPInstanceUID=f"1.2.{MARKER.decode()}", StudyInstanceUID=f"1.3.{MARKER.decode()}", SeriesInstanceUID="1.4"
        )

    def close(self) -> None:
        for gateway in self.gateways:
            if gateway is not None:
                gateway.kill()
                gateway.wait()
        self.proxy.close()
        self._server.close()

    def start(self, number: int) -> None:
        """Start a gateway, as whatever supervises it would."""
        through = make_url(self.url).set(host="127.0.0.1", port=self.proxy.port).render_as_string(hide_password=False)
        environment = {
            **os.environ,
            "DATABASE_URL": through,
            "STEPWEDGE_DATA_DIR": str(self.folder),
            "STEPWEDGE_PORT": str(self.ports[number]),
            "STEPWEDGE_PSEUDONYM_KEY": KEY,
            "STEPWEDGE_RECORD_PATIENCE_S": "1",
            "OMP_NUM_THREADS": "1",
        }
        with (self.folder / f"gateway-{number}.log").open("ab") as log:
            self.gateways[number] = subprocess.Popen([sys.executable, "-m", "service", "gateway"], env=environment, stdout=log, stderr=log)

    async def suffer(self, fault: Fault) -> None:
        """One fault; it mends itself, or is mended by what any site has: a supervisor that starts what died."""
        match fault:
            case "first gateway killed":
                await self.kill_gateway(0)
            case "second gateway killed":
                await self.kill_gateway(1)
            case "postgres frozen":
                await self.freeze_postgres()
            case "postgres killed":
                await self.kill_postgres()
            case "postgres stopped":
                await asyncio.to_thread(self.start_postgres)
            case "connections reset":
                self.proxy.stop()
                self.proxy.restore()
            case "network silent":
                await self.silence()
        self.faults[fault] += 1

    async def kill_gateway(self, number: int) -> None:
        """SIGKILL, only when the other one could answer: else there is nobody to ask, and no fault to survive."""
        await until(lambda: self.answers(1 - number))
        gateway = self.gateways[number]
        if gateway is None:
            return
        os.kill(gateway.pid, signal.SIGKILL)
        await asyncio.to_thread(gateway.wait)
        self.start(number)

    async def freeze_postgres(self) -> None:
        frozen = processes(self.folder)
        for process in frozen:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)
        await asyncio.sleep(3.0)
        for process in frozen:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    async def kill_postgres(self) -> None:
        for process in processes(self.folder):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        await asyncio.to_thread(self.start_postgres)

    def start_postgres(self) -> None:
        """Whatever runs is stopped, and started again after a moment."""
        self._server.close()
        self._server = ExitStack()
        self.url = self._server.enter_context(embedded_postgres(self.folder))
        self.proxy.target = make_url(self.url).port or 0

    async def silence(self) -> None:
        self.proxy.freeze()
        await asyncio.sleep(1.5)
        self.proxy.restore()

    async def answers(self, number: int) -> bool:
        try:
            connection = await Connection.open(self.ports[number])
        except OSError:
            return False
        try:
            async with asyncio.timeout(PATIENCE_S):
                return (await connection.get("/readyz"))[0] == 200
        except (OSError, EOFError, TimeoutError):
            return False
        finally:
            connection.close()


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = SETTLED_WITHIN_S) -> None:
    """Wait for something that happens by itself."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - other processes are asked; they set no event of ours
            await asyncio.sleep(0.1)


def processes(folder: Path) -> list[int]:
    """The server of a data folder, then its children."""
    server = int((folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
    return [server, *(int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if parent(path) == server)]


def parent(stat: Path) -> int:
    with suppress(OSError):
        return int(stat.read_text().rpartition(")")[2].split()[1])
    return 0
