"""What a scrape costs: `python -m tests.benchmarks.export [--series N]`.

Two workers' /metrics over HTTP, whose last runs hold 20,000 series of measurements and evidence in all: the plain format and OpenMetrics,
each asked for twenty times, compressed, as Prometheus does. The very first scrape of a form writes the bulk down (`first_ms`);
after that the thread that reads the last runs does. The last line is one JSON object; `ok` says that the 95th percentile is below 300 ms, that both replicas give
the same answer, and that promtool finds nothing to say about it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from detectors.measurement import Interval, Measurement, Verdict
from service.store.engine import open_engine
from service.store.in_service import InService
from service.worker.detail import A_MEASUREMENT, A_SERIES, Detail
from service.worker.export import LastRuns, MeasurementCollector
from service.worker.exposition import Exposition
from service.worker.families import Reading, Run
from service.worker.server import serve, worker_app
from service.worker.snapshot import OpenAlarm, SeriesReading, Snapshot

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROUNDS, MOST_MS = 20, 300.0
MODELS = 10
FORMATS = {"text": "text/plain", "openmetrics": "application/openmetrics-text; version=1.0.0"}


def last_runs(series: int) -> LastRuns:
    """Ten models that together have so many series, as labels are in a hospital."""
    each = series // (MODELS * (A_MEASUREMENT + A_SERIES))
    return LastRuns(
        detail=Detail.EVERYTHING,
        runs=tuple(_run(f"model-{number}", each) for number in range(MODELS)),
        remedies={("model-0", "3", "recalibrate"): 1},
        stuck={},
        outbox={},
        waiting={},
        in_service=[InService(f"model-{number}", "3", "0123456789ab", 1.0, 0, AT, AT, 0, None) for number in range(MODELS)],
    )


def _run(model: str, each: int) -> Run:
    measured = tuple(
        Reading(
            30,
            Measurement(
                "auroc",
                0.91 - number / 1e4,
                412 + number,
                Interval(0.88, 0.94),
                0.85,
                Verdict.WITHIN,
                cell=f"site=s{number}",
                finding="opacity",
            ),
        )
        for number in range(each)
    )
    counted = tuple(
        SeriesReading(
            "acquisition", f"acquisition:all:KVP:from {number}", "KVP", "", "all", f"from {number}", 0.17, 0.4, 0.1, 0.05, 0.2, 1.4, 1.4
        )
        for number in range(each)
    )
    snapshot = Snapshot(
        reference=1,
        judged_until=AT,
        measured={30: each},
        series=each,
        strongest=counted[:1],
        open_alarms=(OpenAlarm("acquisition", "inputs", "all", AT),),
        alarms={"acquisition": 2},
        completeness={"opacity": 0.7},
    )
    return Run(model, "3", AT, snapshot, readings=measured, series=counted)


def replica(runs: LastRuns) -> Exposition:
    collector = MeasurementCollector(open_engine("postgresql://nobody@127.0.0.1:9/none"), lambda: AT + timedelta(seconds=30), apart=True)
    collector._last = runs
    registry = CollectorRegistry()
    registry.register(collector)
    return Exposition(registry, collector)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--series", type=int, default=20_000)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        ports = [stack.enter_context(serve(worker_app(replica(last_runs(arguments.series)), {}), "127.0.0.1", 0)) for _ in range(2)]
        client = stack.enter_context(httpx.Client(trust_env=False, timeout=60))
        found = {name: scraped(client, ports, accept) for name, accept in FORMATS.items()}
    for each in found.values():
        body = each.pop("body")
        each["clean"] = each["format"] != "text" or clean(body)
    fine = all(each["p95_ms"] < MOST_MS and each["same"] and each["clean"] for each in found.values())
    print(
        json.dumps(
            {"benchmark": "export", **found, "ok": fine and all(each["series"] >= arguments.series * 0.98 for each in found.values())}
        )
    )


def scraped(client: httpx.Client, ports: list[int], accept: str) -> dict[str, Any]:
    """Twenty scrapes of each replica in turn."""
    taken: list[float] = []
    bodies: list[str] = []
    for _ in range(ROUNDS + 1):
        bodies = []
        for port in ports:
            began = perf_counter()
            answer = client.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"})
            taken.append(1000 * (perf_counter() - began))
            bodies.append(answer.text)
    later = taken[len(ports) :]
    lines = [line for line in bodies[0].splitlines() if not line.startswith("#")]
    return {
        "format": "openmetrics" if bodies[0].endswith("# EOF\n") else "text",
        "series": len(lines),
        "kilobytes": len(bodies[0]) // 1000,
        "first_ms": round(max(taken[: len(ports)])),
        "median_ms": round(sorted(later)[len(later) // 2], 1),
        "p95_ms": round(sorted(later)[int(0.95 * len(later))], 1),
        "same": bodies[0] == bodies[1],
        "body": bodies[0],
    }


def clean(body: str) -> bool:
    promtool = shutil.which("promtool") or sys.exit("promtool is not installed; on Debian: apt-get install prometheus")
    return subprocess.run([promtool, "check", "metrics"], input=body, text=True, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main()
