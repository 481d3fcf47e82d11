"""A past as Prometheus would hold it: a small hospital whose scanner is exchanged, as its gateway and its worker export themselves.

One day of the hospital takes one minute of Prometheus's time, and each minute is scraped once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import numpy as np
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from service.domain import Outcome, Prediction, Tier
from service.gateway.circuit import Circuit
from service.gateway.inbox import Inbox
from service.gateway.inbox_metrics import InboxMetrics
from service.gateway.last_known import LastKnown
from service.gateway.ledger import UNKNOWN, Ledger
from service.gateway.notices import Notices
from service.gateway.spool import Spool
from service.gateway.watermarks import Watermarks
from service.results.push import PushMetrics
from service.shadow.metrics import ShadowMetrics
from service.store.labels import add_labels, labels_of
from service.store.statements import Statement, Subject, state
from service.worker.export import MeasurementCollector
from service.worker.metrics import WorkerMetrics
from service.worker.reference import build_reference
from service.worker.run import run_pass
from tests.worker import hospital
from tests.worker.hospital import FILMS_A_DAY, REFERENCE_DAYS, REFERENCE_END, Stream, day, send_days

BEGIN = hospital.FIRST
"""Prometheus's clock at the first scrape; the hospital's own days lie later, so no judgement looks old."""
QUIET_DAYS, SHIFT_DAYS = 6, 16
DAYS = QUIET_DAYS + SHIFT_DAYS
QUIET_UNTIL = BEGIN + timedelta(minutes=QUIET_DAYS - 1)
END = BEGIN + timedelta(minutes=DAYS - 1)
SHIFTED = Stream(scanner="Gamma", kvp=9.0, south_log_odds=2.5)


@dataclass(eq=False)
class Past(Collector):
    """Scrapes, one after the other, as families whose samples carry their time."""

    families: dict[str, Metric] = field(default_factory=dict)

    def scrape(self, registry: CollectorRegistry, at: datetime, target: Mapping[str, str]) -> None:
        for one in registry.collect():
            held = self.families.setdefault(one.name, Metric(one.name, one.documentation, one.type))
            for sample in one.samples:
                held.add_sample(sample.name, {**sample.labels, **target}, sample.value, at.timestamp())

    def collect(self) -> Iterator[Metric]:
        yield from self.families.values()

    def text(self) -> str:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        written: bytes = generate_latest(registry)
        return written.decode()


def tell(engine: Engine) -> str:
    """Let the hospital live through its days, and return what was scraped, as OpenMetrics."""
    version = hospital.make_version(engine, label_maturity_days=2)
    send_days(engine, version, 0, REFERENCE_DAYS)
    build_reference(engine, version, hospital.FIRST, REFERENCE_END, at=REFERENCE_END)
    with engine.begin() as connection:
        state(connection, [Statement(Subject(accession=b"A", model="chest"), "opacity", 1.0, "report", Tier.READ, None, BEGIN)], BEGIN)
    past, clock = Past(), Clock(BEGIN)
    worker = Worker(engine, clock)
    gateway = Gateway()
    for number in range(DAYS):
        shifted = number >= QUIET_DAYS
        read_again(engine, send_days(engine, version, REFERENCE_DAYS + number, 1, SHIFTED if shifted else hospital.QUIET)[:2])
        worker.work(until=day(REFERENCE_DAYS + number + 1))
        gateway.answer(FILMS_A_DAY, refused=15 if shifted else 0, new_devices=int(shifted))
        past.scrape(worker.registry, clock.now, {"job": "stepwedge-worker", "instance": "worker"})
        past.scrape(gateway.registry, clock.now, {"job": "stepwedge-gateway", "instance": "gateway"})
        clock.now += timedelta(minutes=1)
    gateway.close()
    return past.text()


def read_again(engine: Engine, films: Sequence[Prediction]) -> None:
    """A second reader agrees with the first."""
    with engine.begin() as connection:
        said = [one for film in films for _, one in labels_of(connection, film.id)]
        add_labels(connection, [replace(one, reader=b"second") for one in said])


@dataclass
class Clock:
    """The clock on the wall."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


class Worker:
    """The worker's process: its passes and its /metrics."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        self._engine, self._clock = engine, clock
        self._metrics = WorkerMetrics(self.registry)
        self._measured = MeasurementCollector(engine, clock)
        self.registry.register(self._measured)

    def work(self, until: datetime) -> None:
        with self._metrics.pass_seconds.time():
            report = run_pass(self._engine, until, now=self._clock)
        assert report.failed == ()
        self._metrics.last_success.set(self._clock.now.timestamp())
        self._measured.refresh()


class Gateway:
    """The gateway's /metrics, as its ledger keeps them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        self._ledger, self._notices = Ledger(self.registry), Notices(self.registry)
        Watermarks(self.registry, Spool(Path("nowhere"), uuid4(), limit=1 << 20), Circuit())
        self._notices.introduce("chest")
        self._reports = PushMetrics(self.registry)
        ShadowMetrics(self.registry).introduce("chest", "2")
        self._folder = TemporaryDirectory()
        inbox = Inbox(Path(self._folder.name), most_bytes=2**30)
        LastKnown(Path(self._folder.name), bytes(32), "postgresql://nobody@nowhere/nothing", hours=1.0, registry=self.registry)
        self._inbox = InboxMetrics(self.registry, inbox, lambda: BEGIN)
        self._rng = np.random.default_rng(0)

    def close(self) -> None:
        self._folder.cleanup()

    def answer(self, films: int, refused: int, new_devices: int) -> None:
        self._notices.new_devices({"chest": new_devices})
        self._ledger.turn_away("unauthenticated")
        self._ledger.turn_away("forbidden")
        self._ledger.called("pacs", "predict")
        for _ in range(films):
            receipt = self._ledger.receive("chest")
            for stage in ("decode", "predict", "record"):
                with self._ledger.stage(stage):
                    pass
            self._ledger.observe_batch(1)
            receipt.answered(replayed=self._rng.random() < 0.1)
            (self._reports.failed if self._rng.random() < 0.05 else self._reports.pushed).inc()
            if self._rng.random() < 0.02:
                self._notices.flagged("chest", ("saturated",))
        for _ in range(refused):
            self._ledger.receive("chest").unanswered(Outcome.REFUSED, "out-of-scope")
            self._notices.outside("chest", "view")
        self._inbox.give_up("inference-failed", 0)
        if self._rng.random() < 0.2:
            self._ledger.receive("chest").unanswered(Outcome.FAILED, "busy")
            self._ledger.receive(UNKNOWN).unanswered(Outcome.REFUSED, "unknown-model")
