"""Schedule: the worker's life. Passes with the present as their clock, deliveries, metrics, until it is asked to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random, SystemRandom
from threading import Event, Thread, current_thread, main_thread
from time import perf_counter
from types import MappingProxyType

import httpx
import structlog
from prometheus_client import CollectorRegistry, ProcessCollector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.config import Settings
from service.store.engine import open_engine
from service.store.partitions import ensure_partitions
from service.store.sealed import forget_sealed
from service.worker.deliver import TIMEOUT_S, Destination, deliver_due
from service.worker.export import MeasurementCollector
from service.worker.exposition import Exposition
from service.worker.housekeeping import Housekeeping
from service.worker.metrics import WorkerMetrics
from service.worker.run import run_pass
from service.worker.server import database_answers, serve, worker_app

log = structlog.get_logger(__name__)

AHEAD = timedelta(days=62)
REFRESH_S = 10.0
DELIVERY_S = 2.0
JITTER = 0.1


def wall_clock() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


Companion = Callable[[Engine, Settings, Event, Callable[[], datetime]], None]
"""Something that runs beside the passes until the event is set; the last argument is the clock."""


def run(settings: Settings, database_url: str, companions: Mapping[str, Companion] = MappingProxyType({})) -> None:
    """Watch every model in service until SIGTERM or SIGINT; what is begun then is brought to its end.

    companions: what else runs beside the passes, by name.

    Raises:
        ValueError: The webhook's address or secret is not valid.
        OSError: The worker's port cannot be listened on.
    """
    stop = Event()
    engine = open_engine(database_url)
    try:
        with stopped_by_signals(stop):
            watch(engine, settings, stop, companions)
    finally:
        engine.dispose()


def watch(engine: Engine, settings: Settings, stop: Event, companions: Mapping[str, Companion] = MappingProxyType({})) -> None:
    """Run passes, deliveries and the metrics server side by side until `stop` is set."""
    registry, collector = CollectorRegistry(), MeasurementCollector(engine, wall_clock, settings.export_series, apart=True)
    metrics = WorkerMetrics(registry)
    ProcessCollector(registry=registry)
    registry.register(collector)
    destinations = Destination.all_of(settings)
    with ExitStack() as stack:
        exposition = Exposition(registry, collector)
        app = worker_app(exposition, {"postgres": database_answers(engine)})
        port = stack.enter_context(serve(app, settings.host, settings.worker_port))
        stack.enter_context(beside("export", stop, lambda: exposition.keep_until(stop, REFRESH_S)))
        for destination in destinations:
            deliver = partial(deliver_until, engine, destination, stop)
            stack.enter_context(beside(f"delivery of {destination.kind}", stop, deliver))
        for name, companion in companions.items():
            stack.enter_context(beside(name, stop, partial(companion, engine, settings, stop, wall_clock)))
        log.info("worker started", port=port, delivering=[destination.kind for destination in destinations])
        pass_until(engine, settings, metrics, stop)
    log.info("worker stopped")


def pass_until(engine: Engine, settings: Settings, metrics: WorkerMetrics, stop: Event) -> None:
    """Pass after pass; a pass that fails as a whole, say because Postgres is away, is counted and tried again."""
    draw, house = SystemRandom(), Housekeeping(engine, settings)
    while not stop.is_set():
        began = perf_counter()
        with metrics.pass_seconds.time():
            attempt_pass(engine, settings, metrics, stop, house)
        rest = settings.worker_interval_s * draw.uniform(1 - JITTER, 1 + JITTER) - (perf_counter() - began)
        stop.wait(max(rest, 0.0))


def attempt_pass(engine: Engine, settings: Settings, metrics: WorkerMetrics, stop: Event, house: Housekeeping) -> None:
    """One pass with the present as its clock. It counts as a success when any model, or none, had to be given up but not all."""
    until = wall_clock()
    try:
        ensure_partitions(engine, until, until + AHEAD)
        forget_sealed(engine, until - timedelta(days=settings.report_days))
        report = run_pass(engine, until, now=wall_clock, grace=timedelta(seconds=settings.hour_grace_s), stop=stop.is_set)
        house.keep(wall_clock())
    except SQLAlchemyError as error:
        metrics.failures.inc()
        log.warning("pass failed", error=type(error).__name__)
        return
    metrics.failures.inc(len(report.failed))
    if not report.failed or report.versions:
        metrics.last_success.set(wall_clock().timestamp())
    log.info(
        "pass",
        seconds=round(report.seconds, 3),
        tallied=len(report.tallied),
        judged=len(report.judged),
        opened=len(report.opened),
        cleared=len(report.cleared),
        failed=len(report.failed),
    )


def deliver_until(engine: Engine, destination: Destination, stop: Event) -> None:
    """Send what is due, again and again; a store that is away is waited for."""
    draw: Random = SystemRandom()
    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as client:
        while not stop.wait(DELIVERY_S):
            try:
                deliver_due(engine, client, destination, wall_clock, draw)
            except SQLAlchemyError as error:
                log.warning("deliveries not read", error=type(error).__name__)


@contextmanager
def beside(name: str, stop: Event, work: Callable[[], None]) -> Iterator[None]:
    """Run something in a thread of its own; at the end ask it to stop and wait for it."""
    thread = Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(TIMEOUT_S + 2 * DELIVERY_S)


@contextmanager
def stopped_by_signals(stop: Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`; elsewhere than in the main thread nothing is installed."""
    if current_thread() is not main_thread():
        yield
        return
    former = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
