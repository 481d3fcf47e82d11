"""Run: one pass over every model version in service, up to an hour that is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from time import perf_counter
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine

from service.domain import ModelVersion
from service.store.day_tallies import marked_days, unmark_days
from service.store.freshness import confirm_runs, last_run
from service.store.locks import session_lock
from service.store.models import champions
from service.store.snapshots import find_snapshot, save_series, save_snapshot
from service.store.statements import BATCH, adopt
from service.worker.alarm import AlarmChanges
from service.worker.calendar import closed_until, day_of
from service.worker.judge import judge_days
from service.worker.measure import measure_days
from service.worker.snapshot import FORMAT, Snapshot, pack_series
from service.worker.subject import lock_of, subject_of
from service.worker.summary import summarise
from service.worker.tally import tally_hours

log = structlog.get_logger(__name__)


class Skipped(StrEnum):
    """Why a pass did not work on a model version."""

    BUSY = "another worker has it"
    UNWATCHED = "it has no reference yet"
    FAILED = "something went wrong"


@dataclass(frozen=True, slots=True)
class VersionReport:
    """What a pass did for one model version.

    tallied: hours whose rows were summed. judged: days whose evidence was computed. measured: measurements of the last windows.
    """

    model: str
    version: str
    tallied: tuple[datetime, ...] = ()
    judged: tuple[date, ...] = ()
    alarms: AlarmChanges = field(default_factory=AlarmChanges)
    measured: int = 0


@dataclass(frozen=True, slots=True)
class PassReport:
    """What a pass did. busy: versions that another worker had; unwatched: without a reference; failed: given up, and left to the next pass."""

    until: datetime
    versions: tuple[VersionReport, ...] = ()
    busy: tuple[str, ...] = ()
    unwatched: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def tallied(self) -> tuple[datetime, ...]:
        """Hours that were tallied, of all versions."""
        return tuple(hour for one in self.versions for hour in one.tallied)

    @property
    def judged(self) -> tuple[date, ...]:
        """Days that were judged, of all versions."""
        return tuple(day for one in self.versions for day in one.judged)

    @property
    def opened(self) -> tuple[UUID, ...]:
        """Alarms that were opened; each opened one remedy."""
        return tuple(alarm for one in self.versions for alarm in one.alarms.opened)

    @property
    def cleared(self) -> tuple[UUID, ...]:
        """Alarms that were cleared."""
        return tuple(alarm for one in self.versions for alarm in one.alarms.cleared)


def never() -> bool:
    """Do not stop."""
    return False


def run_pass(
    engine: Engine,
    until: datetime,
    *,
    now: Callable[[], datetime],
    grace: timedelta = timedelta(),
    stop: Callable[[], bool] = never,
) -> PassReport:
    """Tally, judge and measure everything that is over by `until`, for every version in service that has a reference.

    The same rows and the same `until` leave the same tallies, evidence, alarms and measurements, whether passes ran every hour,
    every day or once; a pass that is killed, or run twice, or by several workers at once, changes nothing of that.

    Args:
        engine: The store.
        until: The clock of the statistics. Hours that ended by then (and `grace` before) are looked at, later ones are not.
        now: The clock on the wall; it only dates the result, so that its age can be told.
        grace: How long after its end an hour stays open for rows that are late.
        stop: Asked between versions; true ends the pass early.
    """
    began = perf_counter()
    closed = closed_until(until, grace)
    adopt_labels(engine)
    with engine.connect() as connection:
        versions = champions(connection)
    quiet = _confirmed(engine, versions, closed, now)
    outcomes: list[tuple[str, VersionReport | Skipped]] = []
    for version in versions:
        if stop():
            break
        silent = VersionReport(version.model, version.version) if version.id in quiet else None
        outcomes.append((version.model, silent or _attempt(engine, version, closed, now)))

    def skipped(reason: Skipped) -> tuple[str, ...]:
        return tuple(model for model, outcome in outcomes if outcome is reason)

    return PassReport(
        until=until,
        versions=tuple(outcome for _, outcome in outcomes if isinstance(outcome, VersionReport)),
        busy=skipped(Skipped.BUSY),
        unwatched=skipped(Skipped.UNWATCHED),
        failed=skipped(Skipped.FAILED),
        seconds=perf_counter() - began,
    )


def adopt_labels(engine: Engine) -> None:
    """Labels whose film came after them find it now."""
    taken = BATCH
    while taken == BATCH:
        with engine.begin() as connection:
            taken = adopt(connection)


def _attempt(engine: Engine, version: ModelVersion, closed: datetime, now: Callable[[], datetime]) -> VersionReport | Skipped:
    """Work on one version alone: a lock keeps other workers off it, and what goes wrong with it does not touch the next one."""
    try:
        with (
            engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
            session_lock(connection, lock_of(version)) as held,
        ):
            return _run_version(connection, version, closed, now) if held else Skipped.BUSY
    except Exception:
        log.exception("pass over a model failed", model=version.model, version=version.version)
        return Skipped.FAILED


def _confirmed(engine: Engine, versions: Sequence[ModelVersion], closed: datetime, now: Callable[[], datetime]) -> set[int]:
    """Versions of which there is no news since their last run, asked for all at once: between two hours that is nearly every one."""
    with engine.begin() as connection:
        return confirm_runs(connection, [one.id for one in versions], FORMAT, until=closed, at=now())


def _run_version(connection: Connection, version: ModelVersion, closed: datetime, now: Callable[[], datetime]) -> VersionReport | Skipped:
    with connection.begin():
        subject = subject_of(connection, version)
    if subject is None:
        return Skipped.UNWATCHED
    report = VersionReport(version.model, version.version, tallied=tally_hours(connection, subject, closed))
    with connection.begin():
        last = last_run(connection, version.id, subject.reference_id, FORMAT)
        changed = marked_days(connection, subject.reference_id, day_of(closed))
        stored = find_snapshot(connection, version.id)
        if last is not None and (closed < last or (closed == last and not changed)):
            return report
    judged = judge_days(connection, subject, changed, closed)
    measured = measure_days(connection, subject, last, changed, closed)
    with connection.begin():
        before = None if stored is None else Snapshot.from_json(stored.payload)
        summary = summarise(connection, subject, before, judged, measured)
    with connection.begin():
        # The first statement of its transaction: another worker may confirm the former run at any time, and waits or is waited for.
        save_snapshot(connection, version.id, until=closed, computed_at=now(), payload=summary.snapshot.to_json())
        if summary.series is not None:
            save_series(connection, subject.reference_id, pack_series(summary.series))
        unmark_days(connection, subject.reference_id, changed)
    return replace(report, judged=judged.days, alarms=judged.alarms, measured=sum(measured.values()))
