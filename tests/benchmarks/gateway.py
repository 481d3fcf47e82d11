"""The gateway, every answer durable, against bare endpoints that keep nothing: `python -m tests.benchmarks.gateway [--rounds N]`.

Same model, same bodies, same machine, in turns: wrk with 16 connections, each body another one, sends to our endpoints (pseudonyms,
statistics, inference, group commit to an embedded Postgres on the same cores, reply after the commit) and to those of
tests/benchmarks/bare.py (FastAPI + torch), which log nothing:

* tensor: the model's own input in binary, by the Open Inference Protocol;
* dicom: a film of N x N pixels, decoded and preprocessed (there with pydicom).

The last line is one JSON object: medians over the rounds. `ok` says for both that we answer at least as many a second, with a 99th
percentile of at most 1.5 times the other's, and that every one of our answers is a row: rows are answers counted, and at most one
more for each connection, since wrk hangs up in the middle.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
from sqlalchemy import Engine, text

from service.demo.package import PACKAGE
from service.models.manifest import Preprocessing, read_manifest
from service.models.registry import register_package
from service.store.engine import open_engine
from tests import postgres
from tests.api.serving import KEY, until
from tests.benchmarks import bare
from tests.callers import AUTHORIZED, issue_test_key
from tests.films import make_film, phantom
from tests.ports import free_port

CONNECTIONS, THREADS = 16, 2
MARKER = "987654321987654"
LEAST_RATIO, MOST_P99 = 1.0, 1.5
MODEL = "chest-demo"


@dataclass(frozen=True)
class Case:
    """One endpoint, and what is sent to it; the marker in the body becomes another number each time."""

    name: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def dicom_case(size: int) -> Case:
    body = make_film(phantom(size, size), SOPInstanceUID=f"1.2.{MARKER}")
    return Case("dicom", f"/v1/models/{MODEL}/predictions", {"Content-Type": "application/dicom"}, body)


def tensor_case(preprocessing: Preprocessing) -> Case:
    """The marker lies in the tensor's own bytes: read as float32 its digits are small numbers."""
    shape = (1, 1, preprocessing.rows, preprocessing.columns)
    values = np.random.default_rng(0).normal(size=shape).astype("<f4").tobytes()
    tensor = MARKER.encode() + values[len(MARKER) :]
    asked = {"name": "input", "shape": shape, "datatype": "FP32", "parameters": {"binary_data_size": len(tensor)}}
    head = json.dumps({"inputs": [asked]}).encode()
    return Case("tensor", f"/v2/models/{MODEL}/infer", {"Inference-Header-Content-Length": str(len(head))}, head + tensor)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=512, help="rows and columns of the film")
    parser.add_argument("--seconds", type=int, default=6, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["tensor", "dicom"])
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed; on Debian: apt-get install wrk")
    cases = [tensor_case(read_manifest(PACKAGE).preprocessing), dicom_case(arguments.size)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = stack.enter_context(postgres.server())
        url = stack.enter_context(postgres.database(server, stack.enter_context(postgres.migrated_template(server))))
        engine = open_engine(url)
        stack.callback(engine.dispose)
        register_package(engine, str(folder / "objects"), PACKAGE, at=datetime.now(UTC))
        issue_test_key(url)
        environment = {"DATABASE_URL": url, "STEPWEDGE_DATA_DIR": str(folder), "STEPWEDGE_PSEUDONYM_KEY": KEY}
        ours = stack.enter_context(process(["-m", "service", "gateway"], environment))
        theirs = stack.enter_context(process(["-m", "tests.benchmarks.bare"], {bare.PACKAGE: str(PACKAGE)}))
        found = {
            case.name: measure(engine, {"stepwedge": ours, "bare": theirs}, case, folder, arguments)
            for case in cases
            if arguments.only in {None, case.name}
        }
    print(json.dumps({"benchmark": "gateway", "connections": CONNECTIONS, **found, "ok": all(each["ok"] for each in found.values())}))


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


def until_answered(address: str, case: Case) -> None:
    with httpx.Client(base_url=address, headers={**case.headers, **AUTHORIZED}, timeout=60, trust_env=False) as client:
        until(lambda: answered(client, case), 60)


def answered(client: httpx.Client, case: Case) -> bool:
    try:
        return client.post(case.path, content=case.body).status_code == 200
    except httpx.TransportError:
        return False


def load(address: str, case: Case, body: Path, seconds: int, first: int) -> dict[str, float]:
    """One run of wrk."""
    headers = [option for name, value in {**case.headers, **AUTHORIZED}.items() for option in ("-H", f"{name}: {value}")]
    call = ["wrk", f"-c{CONNECTIONS}", f"-t{THREADS}", f"-d{seconds}s", "--timeout", "30s", *headers]
    script = [f"-s{Path(__file__).with_name('films.lua')}", f"{address}{case.path}", "--", str(body), MARKER, str(first)]
    said = subprocess.run([*call, *script], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(said.stdout.strip().splitlines()[-1])
    return {**found, "per_second": found["requests"] / found["seconds"]}


def settled_rows(engine: Engine) -> int:
    """Rows, once what wrk hung up on has been answered too."""
    counts = [-1]

    def still() -> bool:
        with engine.connect() as connection:
            counts.append(int(connection.execute(text("select count(*) from predictions")).scalar_one()))
        return counts[-1] == counts[-2]

    until(still)
    return counts[-1]


def measure(engine: Engine, addresses: Mapping[str, str], case: Case, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Both in turns; the first turn warms up and is not counted."""
    body = folder / case.name
    body.write_bytes(case.body)
    for address in addresses.values():
        until_answered(address, case)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in addresses}
    without_row = without_answer = 0
    for number in range(arguments.rounds + 1):
        for name, address in addresses.items():
            before = settled_rows(engine)
            run = load(address, case, body, arguments.seconds, first=number * 10_000_000)
            if name == "stepwedge":
                surplus = settled_rows(engine) - before - int(run["requests"] - run["failed"])
                without_row += max(0, -surplus)
                without_answer += max(0, surplus - CONNECTIONS)
            if number:
                runs[name].append(run)
            print(case.name, name, {key: round(value, 1) for key, value in run.items()}, file=sys.stderr)
    pairs = list(zip(runs["stepwedge"], runs["bare"], strict=True))
    ratio, slower = (median(ours[key] / theirs[key] for ours, theirs in pairs) for key in ("per_second", "p99_ms"))
    failed = sum(run["failed"] for found in runs.values() for run in found)
    return {
        "body_bytes": len(case.body),
        "ratio": round(ratio, 3),
        "p99_ratio": round(slower, 3),
        **{name: {key: round(median(run[key] for run in found), 2) for key in found[0]} for name, found in runs.items()},
        "failed": failed,
        "answers_without_a_row": without_row,
        "rows_without_an_answer": without_answer,
        "ok": ratio >= LEAST_RATIO and slower <= MOST_P99 and failed == without_row == without_answer == 0,
    }


if __name__ == "__main__":
    main()
