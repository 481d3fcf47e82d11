"""Re-tally: the sums of a stretch computed anew, day by day, from rows of the store or of the archive, and compared bit for bit."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection, Engine

from service.domain import ModelVersion, Tell
from service.errors import SetupError
from service.store import archived
from service.store.archive import Archive
from service.store.day_tallies import mark_days
from service.store.engine import open_engine
from service.store.locks import session_lock
from service.store.parquet import rows_of
from service.store.references import StoredReference, active_reference
from service.store.rows import Rows, rows_between
from service.store.sources import Source
from service.store.spans import span_of
from service.store.tallies import save_tallies, tallied_days, tallies_between
from service.worker.calendar import DAY, day_of, days_from, floor_day
from service.worker.executors import Executor
from service.worker.subject import Subject, lock_of, subject_with
from service.worker.tally import tallied

AT_ONCE = 16
"""Days that are in work at once; passes over the model wait for so many, and have their turn in between."""

Cells = Mapping[str, tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Job:
    """One day of one model version. manifest: that of the archived day; empty: read the store that DATABASE_URL names."""

    version: ModelVersion
    reference: StoredReference
    day: date
    place: str
    manifest: str
    erased: Mapping[str, set[bytes]]


@dataclass(frozen=True, slots=True)
class DayTallied:
    """The sums of a day by hour and cell, encoded."""

    day: date
    hours: Mapping[datetime, Cells]

    @property
    def digest(self) -> bytes:
        """SHA-256 of all of them."""
        digest = hashlib.sha256()
        for hour, cells in sorted(self.hours.items()):
            for cell, (n, payload) in sorted(cells.items()):
                digest.update(f"{hour.isoformat()}/{cell}/{n}/".encode() + payload)
        return digest.digest()


@dataclass(frozen=True, slots=True)
class RetallyReport:
    """What a re-tally did.

    days: computed. differing: of these, those whose sums came out otherwise than they were stored. kept: days whose rows are nowhere any
    more; their sums stay as they are. done_before: days that an earlier run, broken off, had done.
    """

    days: int = 0
    differing: tuple[date, ...] = ()
    kept: tuple[date, ...] = ()
    done_before: int = 0


def tally_day(job: Job) -> DayTallied:
    """Compute a day anew; runs anywhere."""
    subject = subject_with(job.version, job.reference)
    hours = {hour: cells for hour, cells in tallied(subject, _rows(job, subject)).items() if hour >= subject.until}
    return DayTallied(job.day, {hour: {cell: (one.n, one.encode()) for cell, one in cells.items()} for hour, cells in hours.items()})


def retally(
    engine: Engine,
    version: ModelVersion,
    since: datetime,
    until: datetime,
    *,
    archive: Archive,
    execute: Executor,
    at: datetime,
    source: Source = Source.BEST,
    check: bool = False,
    tell: Tell = lambda _done, _what: None,
) -> RetallyReport:
    """Compute the days of [since, until) anew and put what differs in the place of what is stored; the worker's next pass folds from there.

    A day is stored with the note that it is done, so a run that was broken off goes on where it was. With `check` nothing is written.
    Rows that come meanwhile leave their marks, as always, and the worker tallies their hours after this.

    Raises:
        SetupError: The version has no reference, so nothing was ever tallied.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        with connection.begin():
            stored = active_reference(connection, version.id)
            if stored is None:
                raise SetupError("The model has no reference yet, so there is nothing to tally.")
            jobs, kept = _jobs(connection, version, stored, (since, until), archive=archive, source=source)
            run = _name(stored, since, until, source)
            done = set() if check else archived.retallied(connection, run)
        report = RetallyReport(kept=kept, done_before=sum(job.day in done for job in jobs))
        todo = [job for job in jobs if job.day not in done]
        for start in range(0, len(todo), AT_ONCE):
            with session_lock(connection, lock_of(version), wait=True):
                for result in execute(tally_day, todo[start : start + AT_ONCE]):
                    with connection.begin():
                        differs = _store(connection, stored, result, at, check=check)
                        if not check:
                            archived.mark_retallied(connection, stored.id, result.day, run)
                    report = replace(report, days=report.days + 1, differing=(*report.differing, *([result.day] if differs else [])))
                    tell(report.days / len(todo), result.day.isoformat())
        with connection.begin():
            archived.forget_run(connection, run)
    return replace(report, differing=tuple(sorted(report.differing)))


def _jobs(
    connection: Connection,
    version: ModelVersion,
    stored: StoredReference,
    stretch: tuple[datetime, datetime],
    *,
    archive: Archive,
    source: Source,
) -> tuple[list[Job], tuple[date, ...]]:
    """A job for each day of which there are rows; and the days of which there are sums alone."""
    first, last = max(stretch[0], floor_day(stored.until)), stretch[1]
    here = set(archived.stored_days(connection, version.id, last, first)) if source is not Source.ARCHIVE else set()
    there = {}
    if source is not Source.ROWS and first < last:
        there = {one.day: one for one in archived.archived_days(connection, version.id, day_of(first), day_of(last - DAY / 2))}
    if source is Source.BEST:
        here -= {
            day for day in here & there.keys() if archived.stamp_of(connection, version.id, day).predictions < there[day].stamp.predictions
        }
    summed = tallied_days(connection, stored.id, first, last)
    _, erased = archived.tombstones(connection)
    days = [day for day in days_from(day_of(first), day_of(last)) if (day in here or day in there) and span_of(day)[0] < last]
    jobs = [Job(version, stored, day, archive.place, "" if day in here else there[day].manifest, erased) for day in days]
    return jobs, tuple(sorted(summed - set(days)))


def _rows(job: Job, subject: Subject) -> Rows:
    findings = subject.reference.plan.findings
    if job.manifest:
        return rows_of(Archive(job.place).read(job.version, job.day, job.manifest)["predictions"], findings, subject.doors, job.erased)
    engine = open_engine(os.environ["DATABASE_URL"])
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            return rows_between(
                connection, job.version.id, *span_of(job.day), findings, doors=subject.doors, tiers=subject.manifest.monitoring.label_tiers
            )
    finally:
        engine.dispose()


def _store(connection: Connection, stored: StoredReference, result: DayTallied, at: datetime, *, check: bool) -> bool:
    """Whether the sums came out otherwise than they were stored; then they take their place, hour by hour."""
    before: dict[datetime, dict[str, tuple[int, bytes]]] = {}
    for one in tallies_between(connection, stored.id, *span_of(result.day)):
        before.setdefault(one.hour, {})[one.cell] = (one.n, one.payload)
    differing = [hour for hour in sorted({*before, *result.hours}) if before.get(hour, {}) != dict(result.hours.get(hour, {}))]
    if differing and not check:
        for hour in differing:
            save_tallies(connection, stored.id, hour, result.hours.get(hour, {}), at)
        mark_days(connection, stored.id, [result.day])
    return bool(differing)


def _name(stored: StoredReference, since: datetime, until: datetime, source: Source) -> bytes:
    return hashlib.sha256(f"{stored.id}/{since.isoformat()}/{until.isoformat()}/{source}".encode()).digest()
