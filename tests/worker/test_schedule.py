"""Schedule: the worker as a process: it passes, delivers, answers probes, and ends when it is asked to."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, select, text

from service.config import Settings
from service.store.engine import open_engine
from service.store.snapshots import find_snapshot
from service.store.tables import outbox
from service.worker.metrics import WorkerMetrics
from service.worker.schedule import attempt_pass, run, watch
from service.worker.server import database_answers, serve, worker_app
from tests.worker.conftest import run as run_until
from tests.worker.hospital import QUIET_DAYS, REFERENCE_DAYS, Stream, day, send_days
from tests.worker.receiver import receiving

SHIFT = REFERENCE_DAYS + QUIET_DAYS


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_settings(tmp_path, **changes) -> Settings:
    return Settings(data_dir=tmp_path, **{"worker_port": free_port(), "worker_interval_s": 0.2} | changes)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except URLError:
        return 0, ""


@contextmanager
def watching(engine: Engine, settings: Settings) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=watch, args=(engine, settings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


def test_a_worker_passes_and_shows_what_it_found(settled, version, tmp_path):
    settings = make_settings(tmp_path)
    with watching(settled, settings):
        until(lambda: "stepwedge_worker_last_success_timestamp_seconds 1" in get(settings.worker_port, "/metrics")[1])
        _, metrics = get(settings.worker_port, "/metrics")
    assert "stepwedge_alarm_evidence{" in metrics
    assert "stepwedge_worker_failures_total 0.0" in metrics
    with settled.connect() as connection:
        assert find_snapshot(connection, version.id).until > datetime.now(UTC) - timedelta(hours=2)


def test_a_worker_makes_the_next_month_s_partition_before_it_is_needed(settled, tmp_path):
    attempt_pass(settled, make_settings(tmp_path), WorkerMetrics(CollectorRegistry()), Event())
    month = datetime.now(UTC) + timedelta(days=32)
    with settled.connect() as connection:
        assert connection.scalar(text(f"select to_regclass('predictions_{month:%Y_%m}')")) is not None


def test_a_worker_delivers_what_an_alarm_asks_for(settled, version, tmp_path):
    send_days(settled, version, SHIFT, 2, Stream(scanner="Gamma", kvp=9.0))
    run_until(settled, day(SHIFT + 2))
    with receiving(500) as receiver, watching(settled, make_settings(tmp_path, webhook_url=receiver.url)):
        until(lambda: len(receiver.ids) == 1)
    with settled.connect() as connection:
        assert connection.execute(select(outbox.c.attempts, outbox.c.last_error)).all() == [(1, "HTTP 500")]


def test_without_an_address_a_message_stays_pending(settled, version, tmp_path):
    send_days(settled, version, SHIFT, 2, Stream(scanner="Gamma", kvp=9.0))
    settings = make_settings(tmp_path)
    with watching(settled, settings):
        until(lambda: "stepwedge_outbox_pending 1.0" in get(settings.worker_port, "/metrics")[1])
    with settled.connect() as connection:
        assert connection.execute(select(outbox.c.attempts, outbox.c.dead_at)).all() == [(0, None)]


def test_sigterm_ends_the_worker_in_good_order(settled, tmp_path):
    settings = make_settings(tmp_path)
    url = settled.url.render_as_string(hide_password=False)
    worker = multiprocessing.get_context("spawn").Process(target=run, args=(settings, url))
    worker.start()
    until(lambda: get(settings.worker_port, "/livez")[0] == 200)
    os.kill(worker.pid, signal.SIGTERM)
    worker.join(60)
    assert worker.exitcode == 0


def test_a_pass_that_cannot_reach_the_store_is_counted_and_survived(tmp_path):
    registry = CollectorRegistry()
    attempt_pass(open_engine("postgresql://nobody@127.0.0.1:1/nothing"), make_settings(tmp_path), WorkerMetrics(registry), Event())
    assert registry.get_sample_value("stepwedge_worker_failures_total") == 1
    assert registry.get_sample_value("stepwedge_worker_last_success_timestamp_seconds") == 0


@pytest.fixture
def unreachable() -> Iterator[int]:
    engine = open_engine("postgresql://nobody@127.0.0.1:1/nothing")
    with serve(worker_app(CollectorRegistry(), {"postgres": database_answers(engine)}), "127.0.0.1", 0) as port:
        yield port


def test_without_postgres_the_worker_is_alive_and_not_ready_and_says_what_is_missing(unreachable):
    assert get(unreachable, "/livez") == (200, '{"status": "ok"}')
    status, body = get(unreachable, "/readyz")
    assert (status, json.loads(body)) == (
        503,
        {"status": "unavailable", "checks": {"postgres": {"ok": False, "detail": "does not answer"}}},
    )


def test_with_postgres_the_worker_is_ready(settled):
    with serve(worker_app(CollectorRegistry(), {"postgres": database_answers(settled)}), "127.0.0.1", 0) as port:
        assert get(port, "/readyz") == (200, '{"status": "ok", "checks": {"postgres": {"ok": true, "detail": "answers"}}}')
        assert get(port, "/elsewhere")[0] == 404
