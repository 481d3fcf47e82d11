"""Export: a Prometheus collector over the last completed runs. A scrape never computes and never waits for the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event

import structlog
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from detectors.measurement import Measurement
from service.store.in_service import InService, versions_in_service
from service.store.measurements import last_readings
from service.store.outbox import Kind, OutboxCounts, count_messages
from service.store.remedies import count_open_remedies, count_stuck_remedies
from service.store.snapshots import StoredSnapshot, champion_snapshots, load_series
from service.store.waiting import Waiting, count_waiting
from service.worker import families
from service.worker.detail import Detail, detail_of, headline_series, headlines
from service.worker.families import Reading, Run
from service.worker.in_service import in_service_families
from service.worker.snapshot import Snapshot, unpack_series

log = structlog.get_logger(__name__)

MOST_SERIES = 20_000


@dataclass(frozen=True, slots=True)
class LastRuns:
    """What the store said at the last refresh."""

    detail: Detail
    runs: tuple[Run, ...]
    remedies: Mapping[tuple[str, str, str], int]
    stuck: Mapping[tuple[str, str, str], int]
    outbox: Mapping[Kind, OutboxCounts]
    waiting: Mapping[str, Waiting]
    in_service: Sequence[InService]


def last_runs(connection: Connection, most_series: int, at: datetime, former: LastRuns | None = None) -> LastRuns:
    """Read the last run of every version in service, in as much detail as fits, the remedies that wait, the outbox, and how each is watched.

    What was read of a run before, and has not changed since, is not read again.
    """
    stored = [(one, snapshot) for one in champion_snapshots(connection) if (snapshot := Snapshot.from_json(one.payload)) is not None]
    detail = detail_of([snapshot for _, snapshot in stored], most_series)
    known = {(run.model, run.version): run for run in former.runs} if former is not None and former.detail is detail else {}
    return LastRuns(
        detail=detail,
        runs=tuple(_run(connection, one, snapshot, detail, known.get((one.model, one.version))) for one, snapshot in stored),
        remedies=count_open_remedies(connection),
        stuck=count_stuck_remedies(connection),
        outbox=count_messages(connection),
        waiting=count_waiting(connection),
        in_service=versions_in_service(connection, at),
    )


def _run(connection: Connection, one: StoredSnapshot, snapshot: Snapshot, detail: Detail, known: Run | None) -> Run:
    if known is not None and known.computed_at == one.computed_at:
        return known
    run = Run(one.model, one.version, one.computed_at, snapshot, series=snapshot.strongest)
    if detail is Detail.WHAT_PAGES:
        return run
    stored = load_series(connection, snapshot.reference)
    series = () if stored is None else unpack_series(stored)
    windows = last_readings(connection, snapshot.reference)
    if detail is Detail.HEADLINES:
        told = [(each.window_days, one) for each in windows for one in headlines(each.window_days, each.readings)]
        return replace(run, readings=_readings(told), series=tuple(headline_series(series, snapshot.strongest)))
    return replace(run, readings=_readings((each.window_days, one) for each in windows for one in each.readings), series=series)


def _readings(told: Iterable[tuple[int, Measurement]]) -> tuple[Reading, ...]:
    return tuple(Reading(window_days, one) for window_days, one in told)


class MeasurementCollector(Collector):
    """Shows what the last refresh read; ages are reckoned at the scrape, so what is stale looks stale.

    Any replica of the worker, or the gateway on a laptop, gives the same answer: the store is the only source.

    Args:
        engine: The store.
        now: The clock on the wall.
        most_series: How many series of measurements and evidence all models together may have; details are left out above it.
        apart: The bulk is shown by somebody else, see exposition.
    """

    def __init__(self, engine: Engine, now: Callable[[], datetime], most_series: int = MOST_SERIES, *, apart: bool = False) -> None:
        self._engine = engine
        self._now = now
        self._most_series = most_series
        self._apart = apart
        self._last: LastRuns | None = None

    def refresh(self) -> None:
        """Read the last runs from the store; when that fails, the former ones stay, and their ages grow."""
        try:
            with self._engine.connect() as connection:
                self._last = last_runs(connection, self._most_series, self._now(), self._last)
        except SQLAlchemyError as error:
            log.warning("last runs not read", error=type(error).__name__)

    def refresh_until(self, stop: Event, every_s: float) -> None:
        """Refresh again and again, until asked to stop."""
        self.refresh()
        while not stop.wait(every_s):
            self.refresh()

    @property
    def runs(self) -> tuple[Run, ...]:
        """The last runs as they were read; a run that is the same object says the same."""
        return () if self._last is None else self._last.runs

    def bulk(self) -> Iterator[Metric]:
        """Give what is most of it and does not depend on the clock: measurements, and the series that can page."""
        runs = self.runs
        if self._last is not None:
            yield from families.measurement_families(runs)
            yield from families.series_families(runs)

    def describe(self) -> Iterator[Metric]:
        """Name nothing beforehand: registering must not read."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give every series of the last refresh; nothing before the first."""
        last = self._last
        if last is None:
            return
        if not self._apart:
            yield from self.bulk()
        yield from families.alarm_families(last.runs)
        yield from families.run_families(last.runs, self._now())
        yield from in_service_families(last.in_service)
        yield from families.detail_families(last.detail)
        yield from families.remedy_families(last.remedies, last.stuck, last.in_service)
        yield from families.outbox_families(last.outbox, self._now())
        yield from families.waiting_families(last.waiting, self._now())
