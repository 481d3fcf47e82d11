"""Nothing lost, nothing twice, whatever is killed: `python -m tests.benchmarks.faults [--requests N] [--rounds N]`.

Two gateways share one spool volume and one Postgres, which they reach through a proxy. While clients send films and send them again until
they are answered, each round kills both gateways with SIGKILL, one after the other, kills Postgres with SIGKILL, stops it and freezes
it (SIGSTOP, then SIGCONT), and has the proxy reset every connection and swallow everything for a while. Nobody lends a hand.
Then: every answer with 2xx has exactly one row, no film has two, and the books balance. The last line is one JSON object; `ok` says so.

The full run is `--requests 50000 --rounds 10`: twenty kills of a gateway, ten of each fault of Postgres.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import Engine, make_url, text

from service.config import Settings
from service.models.registry import register_package
from service.store.embedded import embedded_postgres
from service.store.engine import open_engine
from service.store.ledgers import months, standings
from service.store.migrate import migrate
from tests.api.package import make_package
from tests.api.serving import AUTHORIZED, KEY, free_port, issue_test_key
from tests.films import make_film, phantom
from tests.postgres import reachable_folder
from tests.proxy import Proxy

MARKER = b"1000000000"
CLIENTS = 12
PATIENCE_S = 20.0
SETTLED_WITHIN_S = 120.0
MOST_TRIES = 600


@dataclass
class Wanted:
    """How much of everything."""

    requests: int
    rounds: int
    pause: float = 2.0


@dataclass
class Told:
    """What clients were told: the ids of each film, and how every request ended."""

    ids: dict[int, set[str]] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        return sum(self.ends.values())


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=3000, help="at least so many requests")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of faults")
    arguments = parser.parse_args()
    print(json.dumps(run(Wanted(arguments.requests, arguments.rounds))))


def run(wanted: Wanted) -> dict[str, Any]:
    """The whole story in a folder of its own."""
    with ExitStack() as stack:
        folder = stack.enter_context(reachable_folder())
        place = Place(folder)
        stack.callback(place.close)
        return asyncio.run(place.story(wanted))


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

    async def story(self, wanted: Wanted) -> dict[str, Any]:
        """Films and faults at once, then quiet, then the books."""
        began = monotonic()
        for number in range(len(self.gateways)):
            self.start(number)
        told = Told()
        over = asyncio.Event()
        clients = [asyncio.create_task(self.client(told, number, wanted, over)) for number in range(CLIENTS)]
        await until(lambda: asyncio.sleep(0, told.ends["200"] > 0))
        for _ in range(wanted.rounds):
            await self.round(wanted.pause)
        over.set()
        await asyncio.gather(*clients)
        sent = monotonic() - began
        engine = open_engine(self.url)
        try:
            settled = await self.settled(engine)
            found = await asyncio.to_thread(audit, engine, told)
        finally:
            engine.dispose()
        faults = {name.replace(" ", "_"): count for name, count in sorted(self.faults.items())}
        sound = found.pop("sound")
        return {
            "benchmark": "faults",
            "seconds": round(sent),
            "requests": told.requests,
            "ends": dict(told.ends),
            "answers": dict(told.kept),
            **faults,
            **found,
        } | {
            "recovered_by_itself": settled,
            "ok": settled and told.requests >= wanted.requests and sound,
        }

    async def round(self, pause: float) -> None:
        """Every fault once, both gateways killed; each mends itself or is mended by what any site has: a supervisor."""
        for name, fault in (
            ("gateway killed", lambda: self.kill_gateway(0)),
            ("postgres frozen", self.freeze_postgres),
            ("connections reset", self.reset),
            ("gateway killed", lambda: self.kill_gateway(1)),
            ("postgres killed", self.kill_postgres),
            ("network silent", self.silence),
            ("postgres stopped", self.stop_postgres),
        ):
            await fault()
            self.faults[name] += 1
            await asyncio.sleep(pause)

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

    async def stop_postgres(self) -> None:
        await asyncio.to_thread(self.start_postgres)

    def start_postgres(self) -> None:
        """Whatever runs is stopped, and started again after a moment."""
        self._server.close()
        self._server = ExitStack()
        self.url = self._server.enter_context(embedded_postgres(self.folder))
        self.proxy.target = make_url(self.url).port or 0

    async def reset(self) -> None:
        self.proxy.stop()
        self.proxy.restore()

    async def silence(self) -> None:
        self.proxy.freeze()
        await asyncio.sleep(1.5)
        self.proxy.restore()

    async def client(self, told: Told, number: int, wanted: Wanted, over: asyncio.Event) -> None:
        """Films one after the other, each until it is answered, one in eight of them twice; for as long as there are faults and requests to send."""
        connections: list[Connection | None] = [None, None]
        film = number
        while not over.is_set() or told.requests < wanted.requests:
            for again in range(2 if film % 8 == 0 else 1):
                await self.ask(told, film, connections, first=(film + again) % 2)
            film += CLIENTS

    async def ask(self, told: Told, film: int, connections: list[Connection | None], first: int) -> None:
        """Send a film to one gateway, then to the other, until one answers."""
        body = self.film.replace(MARKER, b"%010d" % (1_000_000_001 + film))
        for attempt in range(MOST_TRIES):
            gateway = (first + attempt) % 2
            try:
                connection = connections[gateway] or await Connection.open(self.ports[gateway])
                connections[gateway] = connection
                async with asyncio.timeout(PATIENCE_S):
                    status, answer = await connection.post(body)
            except (OSError, EOFError, TimeoutError) as error:
                told.ends[type(error).__name__] += 1
                if (broken := connections[gateway]) is not None:
                    broken.close()
                connections[gateway] = None
                await asyncio.sleep(0.1)
                continue
            told.ends[str(status)] += 1
            if status == 200:
                told.ids.setdefault(film, set()).add(answer["id"])
                told.kept[answer["recorded"] + (" again" if answer["replayed"] else "")] += 1
                return
            await asyncio.sleep(0.1)
        raise RuntimeError("a film was never answered")

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

    async def settled(self, engine: Engine) -> bool:
        """Both gateways answer and nothing waits in the spool: without a hand."""

        async def quiet() -> bool:
            left = any(self.folder.glob("spool/*/*.seg"))
            return not left and await self.answers(0) and await self.answers(1)

        try:
            await until(quiet, SETTLED_WITHIN_S)
        except TimeoutError:
            return False
        await asyncio.sleep(6.0)  # the last page of the books
        with engine.connect() as connection:
            return bool(connection.scalar(text("select true")))


class Connection:
    """HTTP/1.1 with as little work as possible: the processors are for the gateways."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, body: bytes) -> tuple[int, dict[str, Any]]:
        head = f"POST /v1/models/chest/predictions HTTP/1.1\r\nContent-Type: application/dicom\r\nContent-Length: {len(body)}\r\n"
        return await self._exchange(head, body)

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        return await self._exchange(f"GET {path} HTTP/1.1\r\n", b"")

    def close(self) -> None:
        self._writer.transport.abort()

    async def _exchange(self, head: str, body: bytes) -> tuple[int, dict[str, Any]]:
        fields = {"Host": "127.0.0.1", **AUTHORIZED}
        self._writer.write((head + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n").encode() + body)
        await self._writer.drain()
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
        answer = json.loads(await self._reader.readexactly(length))
        return int(lines[0].split()[1]), answer


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = SETTLED_WITHIN_S) -> None:
    """Wait for something that happens by itself."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)  # noqa: ASYNC110 - other processes are asked, they set no event of ours


def processes(folder: Path) -> list[int]:
    """The server of a data folder, then its children."""
    server = int((folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
    return [server, *(int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if parent(path) == server)]


def parent(stat: Path) -> int:
    with suppress(OSError):
        return int(stat.read_text().rpartition(")")[2].split()[1])
    return 0


def audit(engine: Engine, told: Told) -> dict[str, Any]:
    """The rows against what clients were told, and the books against both."""
    with engine.connect() as connection:
        rows = [str(one) for one in connection.scalars(text("select id from predictions"))]
        instances = connection.scalar(text("select count(distinct instance) from predictions"))
        aliases = {
            str(row.id): str(row.prediction) for row in connection.execute(text("select id, prediction from aliases where not conflict"))
        }
        pages, counted = standings(connection), months(connection)
    present = set(rows)
    led = {film: {aliases.get(one, one) for one in ids} for film, ids in told.ids.items()}
    lost = sum(not ids <= present for ids in led.values())
    twice = len(rows) - int(instances or 0) + sum(len(ids) > 1 for ids in led.values())
    unbalanced = sum(page.counts.unaccounted != 0 or page.counts.recorded > page.stored for page in pages)
    books = all(stored == there for _, stored, there in counted) and unbalanced == 0
    return {
        "films": len(told.ids),
        "rows": len(rows),
        "answers_without_a_row": lost,
        "films_twice": twice,
        "ids_that_lead_to_a_first_answer": len(aliases),
        "gateways_that_lived": len(pages),
        "told_recorded": sum(page.counts.recorded for page in pages),
        "told_spooled": sum(page.counts.spooled for page in pages),
        "drained": sum(page.drained for page in pages),
        "books_balance": books,
        "sound": lost == 0 and twice == 0 and books and len(rows) == len(told.ids),
    }


if __name__ == "__main__":
    main()
