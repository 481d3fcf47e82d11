"""Archive: days that are over, written as Parquet; what was erased, taken out of the files; what may be dropped from the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.util import find_spec

import structlog
from sqlalchemy import Connection, Engine

from service.config import Settings
from service.domain import ModelVersion, Tell
from service.errors import MissingExtraError
from service.models.manifest import parse_manifest
from service.store import archived
from service.store.aftermath import SUCCESSION
from service.store.archive import Archive
from service.store.models import versions, versions_by_id
from service.store.parquet import Reading
from service.worker.calendar import DAY

log = structlog.get_logger(__name__)

NO_PARQUET = "pyarrow is not installed, so nothing can be archived. Install the extra: pip install 'stepwedge[archive]'."


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """written: days that were written, with their predictions; known: days that lay there already as they are; erased: rows that went."""

    written: int = 0
    predictions: int = 0
    known: int = 0
    erased: int = 0


def has_parquet() -> bool:
    """Whether files can be written and read here."""
    return find_spec("pyarrow") is not None


def need_parquet() -> None:
    """Make sure of it.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    if not has_parquet():
        raise MissingExtraError(NO_PARQUET)


def always(_month: datetime) -> bool:
    """Nothing keeps a month."""
    return True


def archive_model(
    engine: Engine, settings: Settings, model: str, before: datetime, *, at: datetime, tell: Tell, verify: bool = False
) -> ArchiveReport:
    """Write every day of a model, all its versions, that ended by `before` and a day ago: until then a film may take another's place.

    A day that lies there, and of which the store has as many rows and statements as then, is left; so a run that was broken off goes on where
    it was. With `verify` it is read back and compared, too.
    """
    need_parquet()
    end = min(before, at - SUCCESSION)
    erased = forget_erased(engine, settings, at)
    archive, written, predictions, known = Archive(settings.archive_folder), 0, 0, 0
    with _snapshot(engine) as connection:
        with connection.begin():
            todo = list(_days(connection, versions(connection, model), end))
        for number, (version, day) in enumerate(todo):
            tell(number / len(todo), day.isoformat())
            with connection.begin():
                if _lies_there(connection, archive, version, day, verify=verify):
                    known += 1
                    continue
                predictions += archive.write(connection, version, day, reading_of(version), at)
                written += 1
            _sweep(connection, archive, version, day)
    return ArchiveReport(written, predictions, known, erased)


def forget_erased(engine: Engine, settings: Settings, at: datetime, tell: Tell = lambda _done, _what: None) -> int:
    """Take what was erased from the store out of the files as well; how many rows went.

    Tombstones go last, so that a run that was broken off begins anew, and sweeps every day again.
    """
    archive, gone = Archive(settings.archive_folder), 0
    with _snapshot(engine) as connection:
        with connection.begin():
            numbers, pseudonyms = archived.tombstones(connection)
            known = versions_by_id(connection) if numbers else {}
            days = [(version, one.day) for version in known.values() for one in archived.archived_days(connection, version.id)]
        for number, (version, day) in enumerate(days):
            tell(number / len(days), day.isoformat())
            with connection.begin():
                gone += archive.without(connection, version, day, pseudonyms, at)
            _sweep(connection, archive, version, day)
        if numbers:
            with connection.begin():
                archived.remove_tombstones(connection, numbers)
    return gone


def archived_first(engine: Engine, settings: Settings) -> Callable[[datetime], bool]:
    """Say of a month whether each of its days was read back from the archive and says what the store says."""
    archive = Archive(settings.archive_folder)

    def may_go(month: datetime) -> bool:
        end = (month + timedelta(days=32)).replace(day=1)
        with _snapshot(engine) as connection, connection.begin():
            for version in versions_by_id(connection).values():
                for day in archived.stored_days(connection, version.id, end, month):
                    if not (has_parquet() and archive.holds(connection, version, day, reading_of(version))):
                        log.warning(
                            "month kept: not archived as it is now; stepwedge archive --verify",
                            month=f"{month:%Y-%m}",
                            model=version.model,
                            day=day.isoformat(),
                        )
                        return False
        return True

    return may_go


def _days(connection: Connection, found: list[ModelVersion], before: datetime) -> Iterator[tuple[ModelVersion, date]]:
    for version in found:
        for day in archived.stored_days(connection, version.id, before):
            if day + DAY <= before.date():
                yield version, day


def reading_of(version: ModelVersion) -> Reading:
    """What makes the rows of a version count."""
    manifest = parse_manifest(version.manifest)
    return Reading(manifest.finding_names, manifest.monitoring.label_tiers)


def _lies_there(connection: Connection, archive: Archive, version: ModelVersion, day: date, *, verify: bool) -> bool:
    there = archived.find_day(connection, version.id, day)
    if there is None or there.stamp != archived.stamp_of(connection, version.id, day):
        return False
    return not verify or archive.holds(connection, version, day, reading_of(version))


def _sweep(connection: Connection, archive: Archive, version: ModelVersion, day: date) -> None:
    with connection.begin():
        there = archived.find_day(connection, version.id, day)
    if there is not None:
        archive.sweep(version, day, there.manifest)


def _snapshot(engine: Engine) -> Connection:
    return engine.connect().execution_options(isolation_level="REPEATABLE READ")
