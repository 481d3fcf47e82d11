"""The loop passes, exports, answers probes, survives a database that goes away, and ends when asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import httpx

from service.config import Settings
from service.store.embedded import embedded_postgres
from service.store.engine import open_engine
from service.store.migrate import migrate
from service.store.outbox import Kind
from service.worker.schedule import watch
from tests.ports import free_port

WITHIN_S = 60.0


@contextmanager
def running(url: str) -> Iterator[str]:
    port, stop = free_port(), Event()
    settings = Settings(worker_port=port, worker_interval_s=0.05)
    engine = open_engine(url)
    thread = Thread(target=watch, args=(engine, settings, stop))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        thread.join(WITHIN_S)
        engine.dispose()
        assert not thread.is_alive()


def eventually(address: str, path: str, status: int, text: str) -> str:
    """Ask until the answer is as expected; give the last one."""
    end, last = time.monotonic() + WITHIN_S, "no answer"
    while time.monotonic() < end:
        try:
            reply = httpx.get(address + path)
            last = f"{reply.status_code} {reply.text}"
            if reply.status_code == status and text in reply.text:
                return reply.text
        except httpx.TransportError as error:
            last = type(error).__name__
        time.sleep(0.05)
    raise AssertionError(last)


def value(text: str, name: str) -> float:
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name} "))


def test_passes_succeed_are_counted_and_leave_partitions_ahead(postgres_url: str) -> None:
    with running(postgres_url) as address:
        eventually(address, "/readyz", 200, '"postgres": "ok"')
        eventually(address, "/livez", 200, "ok")
        text = eventually(address, "/metrics", 200, "stepwedge_worker_pass_duration_seconds_count")
        end = time.monotonic() + WITHIN_S
        while value(text, "stepwedge_worker_pass_duration_seconds_count") < 3 and time.monotonic() < end:
            text = httpx.get(f"{address}/metrics", timeout=WITHIN_S).text
        assert value(text, "stepwedge_worker_pass_duration_seconds_count") >= 3
        assert abs(value(text, "stepwedge_worker_last_success_timestamp_seconds") - time.time()) < WITHIN_S
        assert value(text, "stepwedge_worker_failures_total") == 0
        assert [value(text, f'stepwedge_outbox_pending{{kind="{kind}"}}') for kind in Kind] == [0] * len(Kind)


def test_without_its_database_the_worker_lives_counts_failures_and_comes_back(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as url:
        migrate(url)
    with running(url) as address:
        eventually(address, "/readyz", 503, '"postgres": "unavailable"')
        eventually(address, "/livez", 200, "ok")
        end, failures = time.monotonic() + WITHIN_S, 0.0
        while failures == 0 and time.monotonic() < end:
            failures = value(httpx.get(f"{address}/metrics", timeout=WITHIN_S).text, "stepwedge_worker_failures_total")
        assert failures > 0
