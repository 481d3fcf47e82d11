"""Schedule: the worker's loop, and the only place in it that reads the clock on the wall."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event, Thread, current_thread, main_thread
from time import perf_counter

import httpx
import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.config import Settings
from service.store.engine import open_engine
from service.store.partitions import ensure_partitions
from service.worker.deliver import TIMEOUT_S, Destination, deliver_due
from service.worker.export import MeasurementCollector
from service.worker.metrics import WorkerMetrics
from service.worker.run import run_pass
from service.worker.server import database_answers, serve, worker_app

log = structlog.get_logger(__name__)

REFRESH_S = 5.0
DELIVER_EVERY_S = 5.0
MONTHS_AHEAD = timedelta(days=62)
SPREAD = 0.1
"""Share of the interval by which passes are spread, so that many workers do not ask at the same instant."""


def utc_now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


def run(settings: Settings, url: str, *, stop: Event | None = None) -> None:
    """Run passes until SIGTERM, SIGINT or `stop`: every `worker_interval_s`, up to now. Deliver, export and answer probes meanwhile.

    Args:
        settings: Interval, grace, ports, webhook.
        url: A migrated database.
        stop: Ends the loop when set; for those who run it in a thread.
    """
    stop = stop or Event()
    _stop_on_signals(stop)
    with ExitStack() as stack:
        engine = open_engine(url)
        stack.callback(engine.dispose)
        registry = CollectorRegistry()
        metrics = WorkerMetrics(registry)
        collector = MeasurementCollector(engine, utc_now)
        registry.register(collector)
        beside = [Thread(target=collector.refresh_until, args=(stop, REFRESH_S), name="refresh")]
        destination = Destination.of(settings)
        if destination is not None:
            beside.append(Thread(target=_deliver_until, args=(stop, engine, destination), name="deliver"))
        port = stack.enter_context(serve(worker_app(registry, {"postgres": database_answers(engine)}), settings.host, settings.worker_port))
        log.info("worker started", port=port, webhook=destination is not None)
        for thread in beside:
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        _pass_until(stop, settings, engine, metrics)
    log.info("worker stopped")


def _pass_until(stop: Event, settings: Settings, engine: Engine, metrics: WorkerMetrics) -> None:
    spread = Random()  # noqa: S311 - spreads load, guards nothing
    while not stop.is_set():
        _pass(stop, settings, engine, metrics)
        stop.wait(settings.worker_interval_s * spread.uniform(1 - SPREAD, 1 + SPREAD))


def _pass(stop: Event, settings: Settings, engine: Engine, metrics: WorkerMetrics) -> None:
    """One pass. What goes wrong is counted and left to the next one; the loop goes on."""
    began = perf_counter()
    now = utc_now()
    try:
        ensure_partitions(engine, now, now + MONTHS_AHEAD)
        report = run_pass(engine, now, now=utc_now, grace=timedelta(seconds=settings.hour_grace_s), stop=stop.is_set)
    except SQLAlchemyError as error:
        metrics.failures.inc()
        log.warning("pass not completed", error=type(error).__name__)
        return
    metrics.failures.inc(len(report.failed))
    metrics.pass_seconds.observe(perf_counter() - began)
    if not report.failed:
        metrics.last_success.set(utc_now().timestamp())
    if report.tallied or report.opened or report.cleared:
        log.info(
            "pass completed", hours=len(report.tallied), days=len(report.judged), opened=len(report.opened), cleared=len(report.cleared)
        )


def _deliver_until(stop: Event, engine: Engine, destination: Destination) -> None:
    draw = Random()  # noqa: S311 - spreads retries, guards nothing
    with httpx.Client(timeout=TIMEOUT_S) as client:
        while not stop.is_set():
            try:
                deliver_due(engine, client, destination, utc_now, draw)
            except SQLAlchemyError as error:
                log.warning("outbox not read", error=type(error).__name__)
            stop.wait(DELIVER_EVERY_S)


def _stop_on_signals(stop: Event) -> None:
    """Ask the loop to end; what it is doing is finished or rolled back. Only the main thread may listen."""
    if current_thread() is not main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
