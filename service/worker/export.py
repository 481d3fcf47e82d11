"""Export: a Prometheus collector over the last completed runs. A scrape never computes and never waits for the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Event

import structlog
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.store.outbox import Kind, OutboxCounts, count_messages
from service.store.remedies import count_open_remedies
from service.store.snapshots import champion_snapshots
from service.worker import families
from service.worker.families import Run
from service.worker.snapshot import Snapshot

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LastRuns:
    """What the store said at the last refresh."""

    runs: tuple[Run, ...]
    remedies: Mapping[tuple[str, str, str], int]
    outbox: Mapping[Kind, OutboxCounts]


def last_runs(connection: Connection) -> LastRuns:
    """Read the last run of every version in service, the remedies that wait, and the outbox."""
    stored = ((one, Snapshot.from_json(one.payload)) for one in champion_snapshots(connection))
    return LastRuns(
        runs=tuple(Run(one.model, one.version, one.computed_at, snapshot) for one, snapshot in stored if snapshot is not None),
        remedies=count_open_remedies(connection),
        outbox=count_messages(connection),
    )


class MeasurementCollector(Collector):
    """Shows what the last refresh read; ages are reckoned at the scrape, so what is stale looks stale.

    Any replica of the worker, or the gateway on a laptop, gives the same answer: the store is the only source.
    """

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now
        self._last: LastRuns | None = None

    def refresh(self) -> None:
        """Read the last runs from the store; when that fails, the former ones stay, and their ages grow."""
        try:
            with self._engine.connect() as connection:
                self._last = last_runs(connection)
        except SQLAlchemyError as error:
            log.warning("last runs not read", error=type(error).__name__)

    def refresh_until(self, stop: Event, every_s: float) -> None:
        """Refresh again and again, until asked to stop."""
        self.refresh()
        while not stop.wait(every_s):
            self.refresh()

    def describe(self) -> Iterator[Metric]:
        """Name nothing beforehand: registering must not read."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give every series of the last refresh; nothing before the first."""
        last = self._last
        if last is None:
            return
        yield from families.measurement_families(last.runs)
        yield from families.series_families(last.runs)
        yield from families.alarm_families(last.runs)
        yield from families.run_families(last.runs, self._now())
        yield from families.remedy_families(last.remedies)
        yield from families.outbox_families(last.outbox, self._now())
