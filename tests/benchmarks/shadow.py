"""What a challenger in the shadow costs the champion: `python -m tests.benchmarks.shadow [--rounds N]`.

One gateway, one challenger of another seed. In turns the challenger is in the shadow and is not (retired, then again), order reversed each
round, while callers send films at a steady rate, well below what the machine can do: then a 99th percentile is the service's and not that
of a queue. A last turn puts a challenger there that raises at each film.

The last line is one JSON object. `ratio` is the median over the rounds of p99 with over p99 without a shadow; `ok` says that it is below
1.05, that every film was answered with 200, and that the failing one failed at least 1,000 times.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
from sqlalchemy import Engine, text

from service.store.engine import open_engine
from tests import postgres
from tests.api.serving import DICOM, make_settings, process, register, until, until_loaded
from tests.callers import AUTHORIZED
from tests.films import make_film, phantom
from tests.shadow.packages import TRIAL, Failing, register_challenger

FAILURES = 1000
MOST = 1.05
PATH = "/v1/models/chest/predictions"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=12, help="of each turn")
    parser.add_argument("--rate", type=int, default=25, help="films a second")
    parser.add_argument("--size", type=int, default=512, help="rows and columns of a film")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = stack.enter_context(postgres.server())
        url = stack.enter_context(postgres.database(server, stack.enter_context(postgres.migrated_template(server))))
        engine = open_engine(url)
        stack.callback(engine.dispose)
        settings = make_settings(url, folder)
        register(engine, settings, folder / "package")
        good = register_challenger(engine, settings, folder / "good", version="2").id
        bad = register_challenger(engine, settings, folder / "bad", version="3", module=Failing(TRIAL)).id
        _, client = stack.enter_context(process(settings, folder / "gateway.log"))
        until_loaded(client)
        films = Films(arguments.size)
        found = measure(engine, client, films, (good, bad), arguments)
    print(json.dumps({"benchmark": "shadow", "rate": arguments.rate, "size": arguments.size, **found}))


class Films:
    """Films that differ in a few bytes of their pixels, so that none is a replay; making one costs a copy."""

    MARKER = b"\x01\x07\x02\x06\x03\x05\x04\x04" * 2

    def __init__(self, size: int) -> None:
        pixels = phantom(size, size)
        pixels[0, :8] = np.frombuffer(self.MARKER, "<u2")
        self._body = make_film(pixels, SOPInstanceUID="1.2.987654321987654")
        self._count = 0

    def __next__(self) -> bytes:
        self._count += 1
        number = f"{self._count:015d}"
        marked = self._body.replace(self.MARKER, self._count.to_bytes(6, "little") * 2 + self.MARKER[12:])
        return marked.replace(b"987654321987654", b"9" + number[1:].encode())


def measure(engine: Engine, client: httpx.Client, films: Films, versions: tuple[int, int], arguments: argparse.Namespace) -> dict[str, Any]:
    """Turns with and without, then the failing one."""
    good, bad = versions
    turns: dict[str, list[float]] = {"with": [], "without": []}
    answered = 0
    for number in range(arguments.rounds + 1):
        for name in ("with", "without") if number % 2 else ("without", "with"):
            with in_shadow(engine, client, [good] if name == "with" else []):
                times = asyncio.run(load(str(client.base_url), films, arguments.rate, arguments.seconds))
            answered += len(times)
            if number:
                turns[name].append(float(np.percentile(times, 99)))
            print(number, name, {p: round(float(np.percentile(times, p)), 1) for p in (50, 95, 99)}, file=sys.stderr)
    with in_shadow(engine, client, [bad]):
        while counted(client, "3", "failed") < FAILURES:
            answered += len(asyncio.run(load(str(client.base_url), films, arguments.rate, arguments.seconds)))
        failed = counted(client, "3", "failed")
    ratio = median(one / other for one, other in zip(turns["with"], turns["without"], strict=True))
    predicted, shed = counted(client, "2", "predicted"), counted(client, "2", "shed")
    return {
        "p99_ms_with": round(median(turns["with"]), 2),
        "p99_ms_without": round(median(turns["without"]), 2),
        "ratio": round(ratio, 3),
        "ratios": [round(one / other, 3) for one, other in zip(turns["with"], turns["without"], strict=True)],
        "answered": answered,
        "shadow_predicted": predicted,
        "shadow_shed": shed,
        "shadow_failed": failed,
        "ok": ratio < MOST and failed >= FAILURES and predicted > 0,
    }


@contextmanager
def in_shadow(engine: Engine, client: httpx.Client, versions: list[int]) -> Iterator[None]:
    """These versions run, and no other."""
    with engine.begin() as connection:
        set_state = text(
            "update model_versions set state = case when id = any(:ids) then 'shadow' else 'retired' end where state <> 'champion'"
        )
        connection.execute(set_state, {"ids": versions})
    until(lambda: running(client) == len(versions))
    time.sleep(1.0)
    yield


def running(client: httpx.Client) -> int:
    return len(re.findall(r"^stepwedge_shadow_running\{.*\} 1\.0$", client.get("/metrics").text, re.MULTILINE))


def counted(client: httpx.Client, version: str, outcome: str) -> float:
    pattern = rf'^stepwedge_shadow_films_total\{{model="chest",outcome="{outcome}",version="{version}"\}} (\S+)$'
    found = re.search(pattern, client.get("/metrics").text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


async def load(address: str, films: Films, rate: int, seconds: int) -> list[float]:
    """Milliseconds of each answer, timed from when it was to be sent: a late answer does not slow the next question down."""
    async with httpx.AsyncClient(base_url=address, headers={**DICOM, **AUTHORIZED}, timeout=60, trust_env=False) as client:
        began = time.perf_counter()
        asked = []
        for number in range(rate * seconds):
            due = began + number / rate
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            asked.append(asyncio.create_task(one(client, next(films), due)))
        return await asyncio.gather(*asked)


async def one(client: httpx.AsyncClient, body: bytes, due: float) -> float:
    reply = await client.post(PATH, content=body)
    if reply.status_code != httpx.codes.OK:
        sys.exit(f"a film was answered with {reply.status_code}")
    return 1000 * (time.perf_counter() - due)


if __name__ == "__main__":
    main()
