"""Archived: which days lie in the archive and with what, what is to be erased there, and how far a re-tally came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Date, cast, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from service.store.archive_tables import archive_days, archive_tombstones, retallied_days
from service.store.ids import uuid7_floor
from service.store.spans import span_of
from service.store.tables import labels, predictions


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the store has of a day, at a glance: rows, statements, and when the last of these came."""

    predictions: int
    labels: int
    latest: datetime | None


@dataclass(frozen=True, slots=True)
class ArchivedDay:
    """A day that was written. content: SHA-256 of what it says; manifest: of the manifest's bytes."""

    model_version: int
    day: date
    stamp: Stamp
    content: bytes
    manifest: str


def stored_days(connection: Connection, model_version: int, before: datetime, since: datetime | None = None) -> list[date]:
    """Days before that instant of which the store has predictions, earliest first."""
    day = cast(func.timezone("UTC", predictions.c.received_at), Date)
    mine = (predictions.c.model_version == model_version) & (predictions.c.id < uuid7_floor(before))
    if since is not None:
        mine &= predictions.c.id >= uuid7_floor(since)
    return list(connection.scalars(select(day).where(mine).distinct().order_by(day)))


def stamp_of(connection: Connection, model_version: int, day: date) -> Stamp:
    """What the store has of a day now."""
    low, high = map(uuid7_floor, span_of(day))
    films = select(func.count()).where(predictions.c.model_version == model_version, predictions.c.id >= low, predictions.c.id < high)
    mine = (labels.c.model_version == model_version) & (labels.c.prediction >= low) & (labels.c.prediction < high)
    stated = connection.execute(select(func.count(), func.max(labels.c.received_at)).where(mine)).one()
    return Stamp(connection.scalar(films) or 0, *stated)


def find_day(connection: Connection, model_version: int, day: date) -> ArchivedDay | None:
    """A day of the archive."""
    found = archived_days(connection, model_version, day, day)
    return found[0] if found else None


def archived_days(connection: Connection, model_version: int, first: date | None = None, last: date | None = None) -> list[ArchivedDay]:
    """Days of the archive from the first to the last, both included, earliest first."""
    query = select(archive_days).where(archive_days.c.model_version == model_version).order_by(archive_days.c.day)
    if first is not None:
        query = query.where(archive_days.c.day >= first)
    if last is not None:
        query = query.where(archive_days.c.day <= last)
    return [
        ArchivedDay(row.model_version, row.day, Stamp(row.predictions, row.labels, row.latest), row.content, row.manifest)
        for row in connection.execute(query)
    ]


def save_day(connection: Connection, written: ArchivedDay, at: datetime) -> None:
    """Say that a day was written."""
    stamp = written.stamp
    counts = {"predictions": stamp.predictions, "labels": stamp.labels, "latest": stamp.latest}
    values = {**counts, "content": written.content, "manifest": written.manifest, "archived_at": at}
    statement = insert(archive_days).values(model_version=written.model_version, day=written.day, **values)
    connection.execute(statement.on_conflict_do_update(constraint="archive_days_pkey", set_=values))


def bury(connection: Connection, named: str, pseudonym: bytes, at: datetime) -> None:
    """Leave a tombstone, where there is an archive: what is erased from the store may still lie in files."""
    if connection.scalar(select(exists().select_from(archive_days))):
        connection.execute(insert(archive_tombstones).values(named=named, pseudonym=pseudonym, erased_at=at))


def tombstones(connection: Connection) -> tuple[list[int], Mapping[str, set[bytes]]]:
    """Their numbers, and what they stand for: column -> pseudonyms."""
    numbers: list[int] = []
    found: dict[str, set[bytes]] = {}
    for row in connection.execute(select(archive_tombstones)):
        numbers.append(row.id)
        found.setdefault(row.named, set()).add(row.pseudonym)
    return numbers, found


def remove_tombstones(connection: Connection, numbers: list[int]) -> None:
    """Of what no file holds any more."""
    connection.execute(delete(archive_tombstones).where(archive_tombstones.c.id.in_(numbers)))


def retallied(connection: Connection, run: bytes) -> set[date]:
    """The days that a run has done."""
    return set(connection.scalars(select(retallied_days.c.day).where(retallied_days.c.run == run)))


def mark_retallied(connection: Connection, reference: int, day: date, run: bytes) -> None:
    """Say that a run has done a day."""
    statement = insert(retallied_days).values(reference=reference, day=day, run=run)
    connection.execute(statement.on_conflict_do_update(constraint="retallied_days_pkey", set_={"run": run}))


def forget_run(connection: Connection, run: bytes) -> None:
    """A run is complete."""
    connection.execute(delete(retallied_days).where(retallied_days.c.run == run))
