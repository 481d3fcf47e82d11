"""One pass over many models: `python -m tests.benchmarks.fleet [--versions N] [--days N] [--year] [--midnight]`.

Each model version has 14 findings, 30 attributes and image statistics, an embedding of 64 dimensions, 20 subgroups, a reference of its own, a history of
`--days` days of 200 films, nine hours of today, and one more hour of 8 new films. On a real Postgres on the same two cores, two
processes that have just started make one pass (tally, judge, measure, store) side by side, then the result is exported. Stated, for 1,000
versions: under 40 seconds and 1 GB for both processes together; that is 0.04 seconds a version, which smaller settings are held to as well
(their start, two seconds, weighs more). With --year the same is done with a history of 365 days, and it must take at most 1.2 times the
processor time: by the clock two runs differ by more where others use the machine.

Once a day a pass does more: that after midnight judges the day, and measures what rests on labels and the windows of 7, 30 and 90 days. With --midnight
it is made before, and told beside; no bound is stated for it. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1"))

from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import text

from service.store.engine import open_engine
from service.worker.export import MeasurementCollector
from service.worker.run import run_pass
from tests import postgres
from tests.benchmarks.network import MIDNIGHT, NOW, new_hour, settle

MOST_SECONDS_A_VERSION, MOST_MEGABYTES, MOST_RATIO = 0.04, 1024, 1.2
PROCESSES = 2


def one_pass(url: str, until: datetime) -> None:
    """What each of the two processes does."""
    engine = open_engine(url)
    report = run_pass(engine, until, now=lambda: until)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "failed": len(report.failed),
                "measured": sum(one.measured > 0 for one in report.versions),
                "megabytes": used.ru_maxrss // 1024,
                "processor": used.ru_utime + used.ru_stime,
            }
        )
    )


@dataclass(frozen=True)
class Passed:
    """Seconds of a pass, processor seconds and megabytes of both processes."""

    seconds: float
    processor: float
    megabytes: int


def passed(url: str, until: datetime, versions: int) -> Passed:
    """Let two fresh processes make one pass side by side."""
    began = perf_counter()
    command = [sys.executable, "-m", "tests.benchmarks.fleet", "--pass", url, "--until", until.isoformat()]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    told = [json.loads(worker.communicate()[0].splitlines()[-1]) for worker in workers]
    seconds = perf_counter() - began
    if any(one["failed"] for one in told) or sum(one["measured"] for one in told) < versions:
        raise RuntimeError("the pass did not do what it was measured for")
    return Passed(seconds, sum(one["processor"] for one in told), sum(one["megabytes"] for one in told))


def measure(server: str, template: str, versions: int, days: int, *, at_midnight: bool) -> dict[str, Any]:
    """Settle a network, pass over it, export it."""
    with postgres.database(server, template) as url:
        engine = open_engine(url)
        settle(engine, versions, days, judged=not at_midnight)
        midnight = passed(url, MIDNIGHT, versions) if at_midnight else None
        new_hour(engine)
        hour = passed(url, NOW, versions)
        began = perf_counter()
        registry, collector = CollectorRegistry(), MeasurementCollector(engine, lambda: NOW)
        registry.register(collector)
        collector.refresh()
        lines = generate_latest(registry).count(b"\n")
        exported = perf_counter() - began
        with engine.connect() as connection:
            left = connection.scalar(text("select count(*) from tally_marks"))
        engine.dispose()
    if left:
        raise RuntimeError("the pass did not do what it was measured for")
    return {
        "pass_seconds": round(hour.seconds, 2),
        "export_seconds": round(exported, 2),
        "seconds_a_version": round((hour.seconds + exported) / versions, 3),
        "processor_seconds_a_version": round(hour.processor / versions, 3),
        "megabytes": hour.megabytes,
        "exported_lines": lines,
        "midnight_seconds": round(midnight.seconds, 2) if midnight else None,
        "midnight_processor_seconds_a_version": round(midnight.processor / versions, 3) if midnight else None,
        "midnight_megabytes": midnight.megabytes if midnight else None,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--versions", type=int, default=20)
    parser.add_argument("--days", type=int, default=30, help="of history behind every version")
    parser.add_argument("--year", action="store_true", help="and once more with a year of history")
    parser.add_argument("--midnight", action="store_true", help="measure the pass after midnight too, which comes before")
    parser.add_argument("--pass", dest="url", help=argparse.SUPPRESS)
    parser.add_argument("--until", type=datetime.fromisoformat, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.url:
        one_pass(arguments.url, arguments.until)
        return
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server())
        template = stack.enter_context(postgres.migrated_template(server))
        found = measure(server, template, arguments.versions, arguments.days, at_midnight=arguments.midnight)
        print(found, flush=True)
        year = measure(server, template, arguments.versions, 365, at_midnight=arguments.midnight) if arguments.year else None
    ratio = year["processor_seconds_a_version"] / found["processor_seconds_a_version"] if year else None
    result = {
        "benchmark": "fleet",
        "versions": arguments.versions,
        "days": arguments.days,
        **found,
        "year": year,
        "year_over_month": round(ratio, 2) if ratio else None,
        "ok": found["seconds_a_version"] <= MOST_SECONDS_A_VERSION
        and found["megabytes"] <= MOST_MEGABYTES
        and (ratio is None or ratio <= MOST_RATIO),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
