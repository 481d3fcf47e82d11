"""Whether anything grows: `python -m tests.benchmarks.soak [--minutes M] [--share S]`.

Two gateways and one worker on one Postgres. First their capacity is measured, with as many requests under way as give the most answers;
then films are sent at 70 % of it, evenly, and every few seconds memory, open files, connections to Postgres and what lies in the spools
are noted. The first third is warm-up. Of the rest, the last quarter is compared with the first: `ok` says that no process's memory grew
by more than a twentieth (or 8 MiB), no open files or connections by more than 4, that nothing is left in a spool, and that every request
was answered. The last line is one JSON object. The full run is `--minutes 30`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from sqlalchemy import text

from tests.benchmarks.besieged import until
from tests.benchmarks.installation import Installation
from tests.benchmarks.plain_http import Connection
from tests.postgres import reachable_folder

UNDER_WAY = 16
CAPACITY_S, LOOK_EVERY_S = 15.0, 2.0
MOST_GROWTH, MOST_BYTES, MOST_HANDLES = 0.05, 8 * 2**20, 4
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Look:
    """One look at an installation, by process."""

    memory: dict[str, int]
    files: dict[str, int]
    connections: int
    spooled: int


@dataclass
class Load:
    """How requests ended, and how long the answered ones took."""

    ends: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--share", type=float, default=0.7, help="of the measured capacity")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(reachable_folder())
        place = Installation(folder, gateways=2, workers=1)
        stack.callback(place.close)
        place.start_all()
        print(json.dumps(asyncio.run(story(place, arguments.minutes, arguments.share))))


async def story(place: Installation, minutes: float, share: float) -> dict[str, Any]:
    """Capacity, then a steady load beside looks, then the comparison."""
    await until(lambda: ready(place))
    films = count()
    warm = Load()
    await flood(place, films, warm, CAPACITY_S / 3)
    full = Load()
    await flood(place, films, full, CAPACITY_S)
    capacity = full.ends["200"] / CAPACITY_S
    load, looks, over = Load(), list[Look](), asyncio.Event()
    watcher = asyncio.create_task(watch(place, looks, over))
    await pour(place, films, load, share * capacity, 60.0 * minutes)
    over.set()
    await watcher
    await asyncio.sleep(2.0)
    return {
        "benchmark": "soak",
        "minutes": minutes,
        "capacity_per_s": round(capacity, 1),
        "sent_per_s": round(sum(load.ends.values()) / (60.0 * minutes), 1),
        "ends": dict(load.ends),
        "median_ms": round(1000 * median(load.seconds), 1),
        "p99_ms": round(1000 * sorted(load.seconds)[int(0.99 * len(load.seconds))], 1),
        **compared(looks, await asyncio.to_thread(spooled, place), load),
    }


def compared(looks: Sequence[Look], left: int, load: Load) -> dict[str, Any]:
    """The last quarter of what follows the warm-up against the first."""
    after = looks[len(looks) // 3 :]
    early, late = after[: max(len(after) // 4, 1)], after[-max(len(after) // 4, 1) :]
    memory = {name: (of(early, "memory", name), of(late, "memory", name)) for name in early[0].memory}
    files = {name: of(late, "files", name) - of(early, "files", name) for name in early[0].files}
    connections = (median(one.connections for one in early), median(one.connections for one in late))
    flat = all(end - begin <= max(MOST_GROWTH * begin, MOST_BYTES) for begin, end in memory.values())
    held = max(files.values()) <= MOST_HANDLES and connections[1] - connections[0] <= MOST_HANDLES
    return {
        "memory_mib": {name: [round(begin / 2**20, 1), round(end / 2**20, 1)] for name, (begin, end) in memory.items()},
        "more_files": files,
        "connections": connections,
        "most_spooled_bytes": max(one.spooled for one in looks),
        "left_in_spools_bytes": left,
        "looks": len(looks),
        "ok": flat and held and left == 0 and set(load.ends) == {"200"},
    }


def of(looks: Sequence[Look], what: str, name: str) -> float:
    return float(median(getattr(one, what)[name] for one in looks))


async def ready(place: Installation) -> bool:
    return all([await place.answers(part) for part in place.gateways]) and await answered(place)


async def answered(place: Installation) -> bool:
    """Each gateway has loaded the model."""
    load = Load()
    with suppress(OSError, EOFError):
        for part in place.gateways:
            connection = await Connection.open(part.port)
            await one(connection, place.body(0), load)
            connection.close()
    return load.ends == {"200": len(place.gateways)}


async def flood(place: Installation, films: count[int], load: Load, seconds: float) -> None:
    """As many requests under way as there are connections, for so long."""
    end = monotonic() + seconds

    async def client(number: int) -> None:
        connection = await Connection.open(place.gateways[number % len(place.gateways)].port)
        while monotonic() < end:
            await one(connection, place.body(next(films)), load)
        connection.close()

    await asyncio.gather(*(client(number) for number in range(UNDER_WAY)))


async def pour(place: Installation, films: count[int], load: Load, per_s: float, seconds: float) -> None:
    """So many requests a second, evenly; one that is late delays those after it on its connection only."""
    began, lines = monotonic(), 2 * UNDER_WAY

    async def client(number: int) -> None:
        connection = await Connection.open(place.gateways[number % len(place.gateways)].port)
        for turn in count():
            due = began + (turn * lines + number) / per_s
            if due > began + seconds:
                break
            await asyncio.sleep(max(0.0, due - monotonic()))
            await one(connection, place.body(next(films)), load)
        connection.close()

    await asyncio.gather(*(client(number) for number in range(lines)))


async def one(connection: Connection, body: bytes, load: Load) -> None:
    began = monotonic()
    async with asyncio.timeout(PATIENCE_S):
        status, _ = await connection.post(body)
    load.ends[str(status)] += 1
    load.seconds.append(monotonic() - began)


async def watch(place: Installation, looks: list[Look], over: asyncio.Event) -> None:
    while not over.is_set():
        looks.append(await asyncio.to_thread(look, place))
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), LOOK_EVERY_S)


def look(place: Installation) -> Look:
    pids = {name: process.pid for name, process in place.running.items()}
    query = text("select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
    with place.engine.connect() as connection:
        connections = int(connection.scalar(query) or 0)
    return Look(each(pids, resident), each(pids, open_files), connections, spooled(place))


def each(pids: dict[str, int], measure: Callable[[int], int]) -> dict[str, int]:
    return {name: measure(pid) for name, pid in pids.items()}


def resident(pid: int) -> int:
    """Bytes in memory, of the process itself."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def spooled(place: Installation) -> int:
    """Bytes of records in spools; a segment that is open begins with a header of its own."""
    return sum(path.stat().st_size for path in place.folder.glob("gateway-*/spool/*/*.seg"))


if __name__ == "__main__":
    main()
