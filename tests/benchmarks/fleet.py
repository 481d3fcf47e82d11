"""One pass over many models: `python -m tests.benchmarks.fleet [--versions N] [--days N] [--year]`.

Each model version has 14 findings, 30 attributes and image statistics, an embedding of 64 dimensions, 20 subgroups, a reference of its own, a history of
`--days` days of 200 films, nine hours of today, and one more hour of 8 new films. On a real Postgres on the same two cores, two
processes that have just started make one pass (tally, judge, measure, store) side by side, then the result is exported. Stated, for 1,000
versions: under 40 seconds and 1 GB for both processes together; that is 0.04 seconds a version, which smaller settings are held to as well. With
--year the same is done with a history of 365 days, and it must take at most 1.2 times as long.

Once a day a pass does more: that after midnight judges the day and measures the windows of 7, 30 and 90 days too. It is made before, and its
seconds are told beside (`midnight`); no bound is stated for it. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from time import perf_counter

os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1"))

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import Connection, Engine, insert, text

from detectors.batch import Batch
from detectors.evidence import State
from detectors.reference import Reference, build_reference
from detectors.tally import tally_cells
from service.domain import ModelVersion, Prediction, Pseudonyms, Scores
from service.models.manifest import parse_manifest
from service.store.checkpoints import save_checkpoint
from service.store.day_tallies import mark_days
from service.store.engine import open_engine
from service.store.ids import uuid7
from service.store.models import champions, register
from service.store.predictions import record_batch
from service.store.references import save_reference
from service.store.snapshots import save_snapshot
from service.store.tables import day_tallies, tallies
from service.worker.calendar import DAY, HOUR, number_of
from service.worker.cells import cell_masks, keeps_waves
from service.worker.export import MeasurementCollector
from service.worker.plan import plan_of
from service.worker.run import run_pass
from service.worker.snapshot import Snapshot
from tests import postgres

FINDINGS, DIMENSIONS, FILMS_A_DAY, NEW_FILMS, HOURS = 14, 64, 200, 8, 9
TODAY = date(2026, 6, 1)
MIDNIGHT = datetime(2026, 6, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, HOURS + 1, tzinfo=UTC)
MOST_SECONDS_A_VERSION, MOST_MEGABYTES, MOST_RATIO = 0.04, 1024, 1.2
PROCESSES = 2
SUBGROUPS = {
    "site": tuple(f"site{number}" for number in range(8)),
    "PatientSex": ("F", "M"),
    "age_band": ("0-17", "18-39", "40-64", "65-79", "80+"),
    "ViewPosition": ("AP", "PA"),
    "ManufacturerModelName": ("Alpha", "Beta", "Gamma"),
}
WORDS = (
    "Manufacturer", "ManufacturerModelName", "ViewPosition", "PatientSex", "Modality", "BodyPartExamined", "StationName", "SoftwareVersions",
    "PhotometricInterpretation", "PatientOrientation", "Laterality", "PresentationIntentType", "LossyImageCompression",
)  # fmt: skip
NUMBERS = ("PatientAge", "KVP", "ExposureTime", "XRayTubeCurrent", "Exposure", "Rows", "Columns", "BitsStored", "BitsAllocated")


def manifest(name: str) -> dict[str, object]:
    """A model that is watched in 30 features and 20 subgroups, as far as the service knows so many."""
    from service.models.features import CATEGORICAL, NUMERIC  # noqa: PLC0415 - used here only

    words = [name for name in (*WORDS, *CATEGORICAL) if name in CATEGORICAL]
    numbers = [name for name in (*NUMBERS, *NUMERIC) if name in NUMERIC]
    words = list(dict.fromkeys(words))[:14]
    return {
        "name": name,
        "version": "1",
        "artifact": {"file": "weights.pt", "format": "torchscript", "sha256": "0" * 64},
        "preprocessing": {"rows": 64, "columns": 64},
        "findings": [{"name": f"finding_{number}"} for number in range(FINDINGS)],
        "monitoring": {"subgroups": list(SUBGROUPS), "categorical": words, "numeric": list(dict.fromkeys(numbers))[: 30 - len(words)]},
    }


@cache
def first() -> tuple[Reference, list[dict[str, tuple[int, bytes]]], dict[str, tuple[int, bytes]]]:
    """A reference, the tallies of seven days, and that of an hour."""
    rng = np.random.default_rng(0)
    cells = tuple(f"{name}={value}" for name, values in SUBGROUPS.items() for value in values)
    plan = plan_of(parse_manifest(manifest("first")), cells)
    waves = [cell for cell in cells if keeps_waves(cell)]
    batch, subgroups = films(rng, 6000)
    reference = build_reference(plan, batch, cell_masks(cells, subgroups), np.arange(6000) // 100, waves)

    def encoded(n: int) -> dict[str, tuple[int, bytes]]:
        batch, subgroups = films(rng, n)
        sums = tally_cells(reference.schema, batch, cell_masks(cells, subgroups), waves)
        return {cell: (tally.n, tally.encode()) for cell, tally in sums.items() if tally.n}

    return reference, [encoded(FILMS_A_DAY) for _ in range(7)], encoded(NEW_FILMS)


def films(rng: np.random.Generator, n: int) -> tuple[Batch, dict[str, NDArray[np.object_]]]:
    """Films of the fleet's hospital, and the subgroups that they are in."""
    plan = plan_of(parse_manifest(manifest("first")))
    truth = rng.normal(-2.0, 1.5, size=(n, FINDINGS))
    labels = (rng.random((n, FINDINGS)) < 1 / (1 + np.exp(-truth))).astype(float)
    subgroups = {name: np.array(values, dtype=object)[rng.integers(0, len(values), n)] for name, values in SUBGROUPS.items()}
    words = {name: subgroups.get(name, np.array(["one", "two", "three"], dtype=object)[rng.integers(0, 3, n)]) for name in plan.categorical}
    numbers = {name: rng.normal(60, 10, n) for name in plan.numeric}
    return Batch(truth, labels, numbers, words, rng.normal(size=(n, DIMENSIONS)) * np.linspace(2, 0.2, DIMENSIONS)), subgroups


def settle(engine: Engine, versions: int, days: int) -> None:
    """Put versions, references, history and one hour of new films into the store."""
    reference, _, _ = first()
    for number in range(versions):
        one = replace(reference, plan=replace(reference.plan, alarms_per_year=1 + number / 1e6), named=b"")
        with engine.begin() as connection:
            version = register(
                connection, model=f"model{number}", version="1", manifest=manifest(f"model{number}"), artifact_sha256="0" * 64,
                package="none", at=NOW,
            )  # fmt: skip
            _history(connection, version, one, days)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


def _history(connection: Connection, version: ModelVersion, reference: Reference, days: int) -> None:
    _, templates, hour = first()
    until = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) - timedelta(days=days)
    stored = save_reference(
        connection, version.id, since=until - timedelta(days=60), until=until, built_at=until, payload=reference.to_bytes()
    )
    rows = [
        {"reference": stored.id, "day": TODAY - timedelta(days=ago), "cell": cell, "n": n, "payload": payload}
        for ago in range(1, days + 1)
        for cell, (n, payload) in templates[ago % 7].items()
    ]
    connection.execute(insert(day_tallies), rows)
    hours = [
        {"reference": stored.id, "hour": NOW - timedelta(hours=ago), "cell": cell, "n": n, "payload": payload, "tallied_at": NOW}
        for ago in range(2, 32)
        for cell, (n, payload) in hour.items()
    ]
    connection.execute(insert(tallies), hours)
    judged = TODAY - timedelta(days=2)
    save_checkpoint(connection, stored.id, judged, replace(State.start(reference), day=number_of(judged)).encode(), NOW)
    mark_days(connection, stored.id, [TODAY - timedelta(days=1)])
    former = Snapshot(stored.id, MIDNIGHT - DAY, {}, 0, (), (), {}, {})
    save_snapshot(connection, version.id, until=MIDNIGHT - HOUR, computed_at=NOW, payload=former.to_json())


def _new_films(connection: Connection, version: ModelVersion, rng: np.random.Generator) -> None:
    batch, subgroups = films(rng, NEW_FILMS)
    made = []
    for row in range(NEW_FILMS):
        at = NOW - timedelta(minutes=55 - row)
        attributes = {name: str(column[row]) for name, column in batch.categorical.items()}
        numbers = {name: float(column[row]) for name, column in batch.numeric.items()}
        made.append(
            Prediction(
                id=uuid7(at), model_version=version.id, received_at=at, site=str(subgroups["site"][row]), caller="pacs",
                key=rng.bytes(32), content=rng.bytes(32), pseudonyms=Pseudonyms(None, None, None, None, None),
                attributes=attributes | {name: value for name, value in numbers.items() if name[:1].isupper()},
                statistics={name: value for name, value in numbers.items() if not name[:1].isupper()},
                scores=Scores(batch.scores[row].astype(np.float32), batch.embedding[row].astype(np.float16)),
                pixel_sha256=None, input_sha256=bytes(32), input_bytes=1, duration_ms=1.0,
            )
        )  # fmt: skip
    record_batch(connection, made)


def new_hour(engine: Engine) -> None:
    """Eight films of every version, received in the last hour."""
    with engine.connect() as connection:
        versions = champions(connection)
    for version in versions:
        with engine.begin() as connection:
            _new_films(connection, version, np.random.default_rng(version.id))


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


def measure(server: str, template: str, versions: int, days: int) -> dict[str, float]:
    """Settle a fleet, pass over it, export it."""
    with postgres.database(server, template) as url:
        engine = open_engine(url)
        settle(engine, versions, days)
        midnight = passed(url, MIDNIGHT, versions)
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
        "midnight_seconds": round(midnight.seconds, 2),
        "midnight_megabytes": midnight.megabytes,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--versions", type=int, default=20)
    parser.add_argument("--days", type=int, default=30, help="of history behind every version")
    parser.add_argument("--year", action="store_true", help="and once more with a year of history")
    parser.add_argument("--pass", dest="url", help=argparse.SUPPRESS)
    parser.add_argument("--until", type=datetime.fromisoformat, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.url:
        one_pass(arguments.url, arguments.until)
        return
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server())
        template = stack.enter_context(postgres.migrated_template(server))
        found = measure(server, template, arguments.versions, arguments.days)
        print(found, flush=True)
        year = measure(server, template, arguments.versions, 365) if arguments.year else None
    ratio = year["seconds_a_version"] / found["seconds_a_version"] if year else None
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
