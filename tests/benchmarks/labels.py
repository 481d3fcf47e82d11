"""Labels: a million statements in one file, the sender killed in the middle, resumed; and what a correction of a thousand costs.

A gateway runs as a process of its own on a fresh database with films of 90 days. `stepwedge labels` sends the file as CSV by accession number
(half) and by prediction id (half), is killed by SIGKILL once the gateway has read a part of it, and is given again. Then the file once more as a
whole, uninterrupted and for time, into the same database after its labels are removed. At last the worker has seen all, a thousand old labels
are corrected, and a pass says which hours it tallied again.

Bounds: every statement counted once after the kill; the uninterrupted import under 60 s (on two cores with nothing else to do; fewer
statements have as much less time); the pass after the correction tallies only the hours of the corrected films.

    python -m tests.benchmarks.labels [--labels 1000000] [--films 20000]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, process_time, sleep

import httpx
import numpy as np
from sqlalchemy import Engine, text

from service.domain import Label, Prediction, Tier
from service.gateway.pseudonym import pseudonym
from service.store.engine import open_engine
from service.store.labels import add_labels
from service.store.migrate import migrate
from service.store.models import champion, register
from service.store.predictions import record_batch
from service.worker.reference import build_reference
from service.worker.run import run_pass
from tests import postgres
from tests.worker.hospital import FIRST, make_film, make_manifest

SECONDS_A_MILLION = 60.0
FINDINGS = 14
DAYS = 90
KEY = "labels-benchmark-pseudonym-key-0123456789"
CORRECTED = 1000


def main() -> None:
    """Run it and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--films", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server, postgres.database(server) as url:
        print(json.dumps(measure(url, Path(folder), options.labels, options.films)))


def measure(url: str, folder: Path, labels: int, films: int) -> dict[str, object]:
    migrate(url)
    engine = open_engine(url)
    sent = send_films(engine, films)
    file = folder / "labels.csv"
    write(file, sent, labels)
    print(f"{films} films, {labels} statements, {file.stat().st_size / 1e6:.0f} MB", file=sys.stderr)
    with gateway(url, folder) as (address, environment, pid):
        killed_after = kill_in_the_middle(engine, file, address, environment, labels)
        again = command(file, address, environment)
        once = count(engine)
        resumed_ok = once == labels
        with engine.begin() as connection:
            connection.execute(text("truncate labels, label_imports, tally_marks"))
        began, cpu, own = monotonic(), children_cpu(), cpu_of(pid)
        whole = command(file, address, environment)
        seconds, sender_cpu, gateway_cpu = monotonic() - began, children_cpu() - cpu, cpu_of(pid) - own
        stored = count(engine)
    correction = correct(engine, sent)
    bound = SECONDS_A_MILLION * labels / 1_000_000
    return {
        "benchmark": "labels",
        "labels": labels,
        "films": films,
        "killed_after_lines": killed_after,
        "resumed": again,
        "counted_once_after_resume": once,
        "import_seconds": round(seconds, 1),
        "import_labels_per_second": round(labels / seconds),
        "sender_cpu_seconds": round(sender_cpu, 1),
        "gateway_cpu_seconds": round(gateway_cpu, 1),
        "load": round(os.getloadavg()[1], 1),
        "stored": stored,
        "said": whole,
        **correction,
        "ok": resumed_ok and stored == labels and 0 < killed_after < labels and seconds < bound and bool(correction["only_their_hours"]),
    }


def send_films(engine: Engine, films: int) -> list[tuple[Prediction, str]]:
    """Films of 90 days, each with an accession number of its own, of a model with 14 findings."""
    rng = np.random.default_rng(0)
    manifest = make_manifest() | {"findings": [{"name": f"finding{number}"} for number in range(FINDINGS)]}
    with engine.begin() as connection:
        version = register(
            connection, model="chest", version="1", manifest=manifest, artifact_sha256="0" * 64, package="models/chest/1", at=FIRST
        )
    sent = []
    for start in range(0, films, 1000):
        batch = []
        for number in range(start, min(start + 1000, films)):
            film, _ = make_film(version.id, FIRST + timedelta(days=DAYS * number / films), rng)
            accession = f"A-{number}"
            names = replace(film.pseudonyms, accession=pseudonym(KEY.encode(), "accession", accession))
            logits = rng.normal(-1.0, 2.0, FINDINGS).astype(np.float32)
            film = replace(film, pseudonyms=names, scores=replace(film.scores, logits=logits))
            batch.append(film)
            sent.append((film, accession))
        with engine.begin() as connection:
            record_batch(connection, batch)
    return sent


def write(file: Path, sent: list[tuple[Prediction, str]], labels: int) -> None:
    """Statements on the films in turn, finding by finding, reader by reader: each is another one."""
    with file.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(("prediction", "accession", "finding", "value", "source", "tier", "reader", "made_at"))
        for number in range(labels):
            (film, accession), finding, reader = sent[number % len(sent)], number // len(sent) % FINDINGS, number // len(sent) // FINDINGS
            made_at = (film.received_at + timedelta(days=2)).isoformat()
            by_id = number % 2
            named = (film.id, "") if by_id else ("", accession)
            writer.writerow((*named, f"finding{finding}", int(number % 5 == 0), "report", "read", f"reader-{reader}", made_at))


@contextmanager
def gateway(url: str, folder: Path) -> Iterator[tuple[str, dict[str, str], int]]:
    """`stepwedge gateway` as a process; ends with the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": url,
        "STEPWEDGE_DATA_DIR": str(folder / "data"),
        "STEPWEDGE_PSEUDONYM_KEY": KEY,
        "STEPWEDGE_PORT": str(port),
        "STEPWEDGE_ANONYMOUS_MAY": "label,read",
    }
    with (folder / "gateway.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "service", "gateway"], env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(1200):
                try:
                    httpx.get(f"{address}/livez").raise_for_status()
                    break
                except httpx.HTTPError:
                    sleep(0.1)
            yield address, environment, process.pid
        finally:
            process.terminate()
            process.wait()


def start(file: Path, address: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "service", "labels", str(file), "--url", address],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def command(file: Path, address: str, environment: dict[str, str]) -> str:
    """The command, to its end; what it said."""
    said, _ = start(file, address, environment).communicate()
    return said.strip()


def kill_in_the_middle(engine: Engine, file: Path, address: str, environment: dict[str, str], labels: int) -> int:
    """Kill the sender once a third is stored; returns how many lines had been read then, once the gateway has noticed."""
    sender = start(file, address, environment)
    while progress(engine) < labels / 3 and sender.poll() is None:
        sleep(0.05)
    sender.kill()
    sender.wait()
    before, now = -1, progress(engine)
    while before != now:
        sleep(1.0)
        before, now = now, progress(engine)
    return now


def progress(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("select coalesce(max(lines), 0) from label_imports")) or 0)


def count(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("select count(*) from labels")) or 0)


def children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def cpu_of(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def correct(engine: Engine, sent: list[tuple[Prediction, str]]) -> dict[str, object]:
    """Correct a thousand labels of the second month, and see what a pass does about it."""
    with engine.connect() as connection:
        version = champion(connection, "chest")
    end = FIRST + timedelta(days=DAYS)
    build_reference(engine, version, FIRST, FIRST + timedelta(days=30), at=end)
    run_pass(engine, end + timedelta(days=1), now=lambda: datetime.now(UTC))
    month = [film for film, _ in sent if FIRST + timedelta(days=40) <= film.received_at < FIRST + timedelta(days=60)][:CORRECTED]
    at = end + timedelta(days=1)
    with engine.begin() as connection:
        add_labels(connection, [Label(film.id, "finding0", 1.0, "pathology", None, at, at, tier=Tier.PATHOLOGY) for film in month])
    cpu = process_time()
    report = run_pass(engine, at + timedelta(hours=1), now=lambda: datetime.now(UTC))
    hours = {film.received_at.replace(minute=0, second=0, microsecond=0) for film in month}
    return {
        "corrected": len(month),
        "hours_of_the_corrected": len(hours),
        "hours_tallied_again": len(report.tallied),
        "days_judged_again": len(report.judged),
        "only_their_hours": set(report.tallied) == hours,
        "correction_cpu_seconds": round(process_time() - cpu, 1),
    }


if __name__ == "__main__":
    main()
