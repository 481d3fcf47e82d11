"""The gateway, every answer durable, against a bare endpoint that keeps nothing: `python -m tests.benchmarks.gateway [--size N] [--rounds N]`.

Same model, same films, same machine, in turns: wrk with 16 connections sends DICOM films of N x N pixels, each with a UID of its own,
to our endpoint (decode, pseudonyms, statistics, inference, group commit to an embedded Postgres on the same cores) and to
tests/benchmarks/bare.py (FastAPI + pydicom + torch). The last line is one JSON object: medians over the rounds; `ok` says that we
answer at least as many films a second, with a 99th percentile of at most 1.5 times the other's, and that every one of ours is a row.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from sqlalchemy import Engine, text

from service.demo.package import PACKAGE
from service.models.registry import register_package
from service.store.engine import open_engine
from tests import postgres
from tests.api.serving import KEY, free_port, until
from tests.benchmarks import bare
from tests.callers import AUTHORIZED, TEST_KEY, issue_test_key
from tests.films import make_film, phantom

CONNECTIONS, THREADS = 16, 2
MARKER = "987654321987654"
LEAST_RATIO, MOST_P99 = 1.0, 1.5
MODEL = "chest-demo"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=512, help="rows and columns of the film")
    parser.add_argument("--seconds", type=int, default=10, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed; on Debian: apt-get install wrk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = stack.enter_context(postgres.server())
        url = stack.enter_context(postgres.database(server, stack.enter_context(postgres.migrated_template(server))))
        engine = open_engine(url)
        stack.callback(engine.dispose)
        register_package(engine, str(folder / "objects"), PACKAGE, at=datetime.now(UTC))
        issue_test_key(url)
        film = folder / "film.dcm"
        film.write_bytes(make_film(phantom(arguments.size, arguments.size), SOPInstanceUID=f"1.2.{MARKER}"))
        ours = stack.enter_context(process(["-m", "service", "gateway"], gateway_environment(url, folder)))
        theirs = stack.enter_context(process(["-m", "tests.benchmarks.bare"], bare_environment()))
        until_answered(ours, film)
        until_answered(theirs, film)
        print(json.dumps(measure(engine, ours, theirs, film, arguments)))


def gateway_environment(url: str, folder: Path) -> dict[str, str]:
    return {"DATABASE_URL": url, "STEPWEDGE_DATA_DIR": str(folder), "STEPWEDGE_PSEUDONYM_KEY": KEY}


def bare_environment() -> dict[str, str]:
    return {bare.PACKAGE: str(PACKAGE)}


@contextmanager
def process(call: list[str], environment: dict[str, str]) -> Iterator[str]:
    """The address of a server in a process of its own."""
    port = free_port()
    settings = {**os.environ, **environment, "STEPWEDGE_PORT": str(port), "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen([sys.executable, *call], env=settings, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)


def until_answered(address: str, film: Path) -> None:
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        until(lambda: answered(client, film), 60)


def answered(client: httpx.Client, film: Path) -> bool:
    try:
        headers = {"Content-Type": "application/dicom", **AUTHORIZED}
        return client.post(f"/v1/models/{MODEL}/predictions", content=film.read_bytes(), headers=headers).status_code == 200
    except httpx.TransportError:
        return False


def load(address: str, film: Path, seconds: int, first: int) -> dict[str, float]:
    """One run of wrk."""
    script = Path(__file__).with_name("films.lua")
    call = [
        "wrk",
        f"-c{CONNECTIONS}",
        f"-t{THREADS}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        "-H",
        f"Authorization: Bearer {TEST_KEY}",
        "-s",
        str(script),
    ]
    said = subprocess.run(
        [*call, f"{address}/v1/models/{MODEL}/predictions", "--", str(film), MARKER, str(first)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(said.stdout.strip().splitlines()[-1])
    return {**found, "films_per_second": found["requests"] / found["seconds"]}


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("select count(*) from predictions")).scalar_one())


def measure(engine: Engine, ours: str, theirs: str, film: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Both in turns; the first turn warms up and is not counted."""
    runs: dict[str, list[dict[str, float]]] = {"stepwedge": [], "bare": []}
    lost = 0
    for number in range(arguments.rounds + 1):
        for name, address in (("stepwedge", ours), ("bare", theirs)):
            before = rows(engine)
            run = load(address, film, arguments.seconds, first=number * 10_000_000)
            if name == "stepwedge":
                lost += max(0, int(run["requests"] - run["failed"]) - (rows(engine) - before))
            if number:
                runs[name].append(run)
            print(name, {key: round(value, 1) for key, value in run.items()}, file=sys.stderr)
    middle = {name: {key: median(run[key] for run in found) for key in found[0]} for name, found in runs.items()}
    ratio = median(a["films_per_second"] / b["films_per_second"] for a, b in zip(runs["stepwedge"], runs["bare"], strict=True))
    slower = median(a["p99_ms"] / b["p99_ms"] for a, b in zip(runs["stepwedge"], runs["bare"], strict=True))
    failed = sum(run["failed"] for found in runs.values() for run in found)
    return {
        "benchmark": "gateway",
        "size": arguments.size,
        "connections": CONNECTIONS,
        "ratio": round(ratio, 3),
        "p99_ratio": round(slower, 3),
        **{name: {key: round(value, 2) for key, value in found.items()} for name, found in middle.items()},
        "failed": failed,
        "answers_without_a_row": lost,
        "ok": ratio >= LEAST_RATIO and slower <= MOST_P99 and failed == 0 and lost == 0,
    }


if __name__ == "__main__":
    main()
