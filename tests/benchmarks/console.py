"""Pages of the console over a large store: `python -m tests.benchmarks.console [--models N]`.

A store of 1,000 models (14 findings, 30 features, 20 subgroups each), of which one has a year of history: tallies, readings and checkpoints of
365 days, 6,000 films of the last month that nobody has read, 40 former alarms, and an audit log of 200,000 rows; 500 remedies are open. A
gateway on a real Postgres is asked for each page as a browser asks, by who may do everything.

Stated: the median of five visits, after a first one, takes at most 200 ms and 300 kB, each page. The first visit after a pass of the worker computes
what the next ones are shown (service/console/once.py); it is told beside. The printed report of a period is made to be kept, and has no bound. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from logging import CRITICAL
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx
import numpy as np
import structlog
from sqlalchemy import Engine, text

from service.access import Act, Deed
from service.store.alarms import open_alarm
from service.store.audit import append
from service.store.engine import open_engine
from service.store.ids import uuid7
from service.store.models import champion
from service.store.predictions import record_batch
from service.store.references import active_reference
from service.store.remedies import Remedy, State, open_remedy
from service.store.tables import alarms
from service.store.worklist import Asked, ask
from service.worker.run import run_pass
from tests import postgres
from tests.api.serving import make_settings, serving
from tests.api.test_monitoring import make_alarm
from tests.benchmarks.network import FINDINGS, MIDNIGHT, TODAY, settle
from tests.console.addresses import addresses
from tests.console.visits import enter, visiting
from tests.store.builders import make_prediction

MOST_MS, MOST_KB = 200.0, 300.0
YEAR, FILMS, VISITS, LOG, FORMER, OPEN = 365, 6000, 5, 200_000, 40, 500
SEED = 7
REPEATED = (
    """insert into readings (reference, window_days, as_of, payload)
       select reference, window_days, as_of - ago, payload from readings, generate_series(1, :days) as ago on conflict do nothing""",
    """insert into checkpoints (reference, day, payload, folded_until)
       select reference, day - ago, payload, folded_until from checkpoints, generate_series(1, :days) as ago on conflict do nothing""",
)


def settled(engine: Engine, models: int) -> Mapping[str, str]:
    """Fill the store; what the parts of the addresses are."""
    settle(engine, 1, YEAR, judged=False)
    run_pass(engine, MIDNIGHT, now=lambda: MIDNIGHT)
    with engine.begin() as connection:
        for statement in REPEATED:
            connection.execute(text(statement), {"days": YEAR})
    settle(engine, models - 1, 2, judged=True, start=1)
    send_films(engine)
    return trouble(engine, models)


def send_films(engine: Engine) -> None:
    """Films of the last month, of which some were drawn to be read."""
    now, rng = datetime.now(UTC), np.random.default_rng(1)
    with engine.connect() as connection:
        version = champion(connection, "model0").id
    scores = rng.normal(-2, 1.5, (FILMS, FINDINGS)).astype(np.float32)
    made = []
    for number in range(FILMS):
        at = now - timedelta(days=29) * (number / FILMS) - timedelta(hours=1)
        one = make_prediction(f"film {number}", at=at, id=uuid7(at), model_version=version)
        made.append(replace(one, scores=replace(one.scores, logits=scores[number])))
    for first in range(0, FILMS, 500):
        with engine.begin() as connection:
            record_batch(connection, made[first : first + 500])
    with engine.begin() as connection:
        ask(connection, version, SEED, [Asked(one.id, 0.1, "doubt") for one in made[:50]], now)


def trouble(engine: Engine, models: int) -> Mapping[str, str]:
    """Alarms, remedies and what was done."""
    with engine.begin() as connection:
        first = champion(connection, "model0")
        stored = active_reference(connection, first.id)
        assert stored is not None
        for number in range(FORMER):
            former = make_alarm(first.id, stored.id, days=9 * (number - FORMER))
            open_alarm(connection, former)
            connection.execute(alarms.update().where(alarms.c.id == former.id).values(cleared_at=former.opened_at + timedelta(hours=9)))
        last = make_alarm(first.id, stored.id)
        open_alarm(connection, last)
        remedy = Remedy(uuid7(MIDNIGHT), last.id, "recalibrate", State.PROPOSED, MIDNIGHT, model_version=first.id)
        assert open_remedy(connection, remedy)
        for number in range(1, min(models, OPEN)):
            version = champion(connection, f"model{number}")
            stored = active_reference(connection, version.id)
            assert stored is not None
            alarm = make_alarm(version.id, stored.id)
            open_alarm(connection, alarm)
            assert open_remedy(connection, Remedy(uuid7(MIDNIGHT), alarm.id, "retrain", State.PROPOSED, MIDNIGHT, model_version=version.id))
    write_log(engine)
    return {"model": "model0", "alarm": str(last.id), "remedy": str(remedy.id)}


def write_log(engine: Engine) -> None:
    """An audit log of a busy year."""
    for begin in range(0, LOG, 5000):
        at = MIDNIGHT - timedelta(seconds=150 * (LOG - begin))
        with engine.begin() as connection:
            append(connection, *(Act(at, f"caller{number % 40}", Deed.LABELS_IMPORTED, "", {"count": number}) for number in range(5000)))


def visited(client: httpx.Client, path: str) -> dict[str, float | int]:
    """Milliseconds and kilobytes of a page: first visit, median of the next."""
    times = []
    for _ in range(VISITS + 1 if "sheet" not in path else 2):
        began = perf_counter()
        reply = client.get(path)
        times.append(1000 * (perf_counter() - began))
    return {
        "status": reply.status_code,
        "first_ms": round(times[0], 1),
        "ms": round(median(times[1:]), 1),
        "kB": round(len(reply.content) / 1000, 1),
    }


def measure(models: int, folder: Path) -> dict[str, dict[str, float | int]]:
    """Each page by its name."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server())
        url = stack.enter_context(postgres.database(server, stack.enter_context(postgres.migrated_template(server))))
        engine, settings = open_engine(url), make_settings(url, folder)
        began = perf_counter()
        values = settled(engine, models)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze"))
        engine.dispose()
        print(f"{models} models settled in {perf_counter() - began:.0f} s", flush=True)
        client = stack.enter_context(serving(settings))
        visit = stack.enter_context(visiting(str(client.base_url)))
        enter(visit, settings, "operator", "read", "label", "operate")
        pages = addresses(values, (TODAY - timedelta(days=90), TODAY - timedelta(days=1)))
        pages["reading"] = f"{pages['worklist']}?seed={SEED}"
        pages["fleet last page"] = f"{pages['fleet']}?page={-(-models // 50)}"
        pages["model, a year"] = f"{pages['model']}?days=365"
        pages["audit, one actor"] = f"{pages['audit']}?actor=caller7"
        del pages["story"]
        found = {}
        for name, path in pages.items():
            found[name] = visited(visit.browser, path)
            print(name, found[name], flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=int, default=1000)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    with TemporaryDirectory() as folder:
        found = measure(arguments.models, Path(folder))
    fails = [
        name for name, one in found.items() if name != "sheet" and (one["status"] != 200 or one["ms"] > MOST_MS or one["kB"] > MOST_KB)
    ]
    print(json.dumps({"benchmark": "console", "models": arguments.models, "pages": found, "too slow or large": fails, "ok": not fails}))


if __name__ == "__main__":
    main()
