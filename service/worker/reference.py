"""Reference: a declared period of good work, frozen as what a model version is compared to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from detectors.batch import Batch
from detectors.outlying import Yardstick
from detectors.reference import Reference
from detectors.reference import build_reference as freeze
from service.domain import ModelVersion
from service.errors import ThinReferenceError
from service.models.manifest import Manifest, parse_manifest
from service.store.alarms import clear_alarm, open_alarms
from service.store.audit import ON_SITE
from service.store.locks import session_lock
from service.store.predictions import rows_between
from service.store.references import StoredReference, active_reference, save_reference
from service.store.remedies import expire_remedy
from service.store.rows import BOTH, Door, doors_between
from service.store.tallies import mark_hours
from service.store.yardsticks import save_yardstick
from service.worker.calendar import DAY, day_of, floor_day, floor_hour, number_of
from service.worker.cells import Column, cell_masks, declared_cells, keeps_waves
from service.worker.columns import batch_of, joined, subgroups_of
from service.worker.plan import plan_of
from service.worker.subject import lock_of

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
ROWS_NEEDED = 200
"""Fewer than this are no picture of a model at work."""


def build_reference(
    engine: Engine, version: ModelVersion, since: datetime, until: datetime, *, at: datetime, actor: str = ON_SITE
) -> StoredReference:
    """Freeze the predictions of [since, until), to the hour, as the active reference; what came later is tallied anew.

    The former reference retires with everything that was computed against it, and its open alarms are over: to declare a
    new normal is a person's answer to them. Passes over this version wait until it is done.

    A tensor comes without acquisition attributes and image statistics, so films and tensors are not mixed: the reference knows
    those of which the period has more, and only those are compared to it. A use of the other door is then no drift.

    Args:
        engine: The store.
        version: The model version that made the predictions.
        since: First hour of the period.
        until: End of the period; judging begins with the first whole day after it.
        at: When this is done.
        actor: Who declares it.

    Raises:
        ThinReferenceError: There are fewer than 200 predictions in the period.
    """
    since, until = floor_hour(since), floor_hour(until)
    with engine.connect() as connection, session_lock(connection, lock_of(version), wait=True):
        with connection.begin():
            reference, yardstick = _frozen(connection, version, since, until)
        with connection.begin():
            _close_alarms(connection, version, at)
            stored = save_reference(
                connection, version.id, since=since, until=until, built_at=at, payload=reference.to_bytes(), actor=actor
            )
            if yardstick is not None:
                save_yardstick(connection, stored.id, yardstick.to_bytes())
            mark_hours(connection, version.id, until, END_OF_TIME)
    return stored


@dataclass(frozen=True, slots=True)
class _Part:
    """The predictions of one day of the period, in columns."""

    batch: Batch
    subgroups: dict[str, Column]
    day: int


def _frozen(connection: Connection, version: ModelVersion, since: datetime, until: datetime) -> tuple[Reference, Yardstick | None]:
    manifest = parse_manifest(version.manifest)
    parts = list(_parts(connection, version, manifest, since, until))
    if sum(len(part.batch) for part in parts) < ROWS_NEEDED:
        raise ThinReferenceError
    subgroups = {name: np.concatenate([part.subgroups[name] for part in parts]) for name in manifest.monitoring.subgroups}
    plan = plan_of(manifest, declared_cells(subgroups))
    waves = [cell for cell in plan.cells if keeps_waves(cell)]
    batch, days = joined([part.batch for part in parts]), _days(parts)
    return freeze(plan, batch, cell_masks(plan.cells, subgroups), days, waves), Yardstick.of(batch.embedding, days)


def _parts(connection: Connection, version: ModelVersion, manifest: Manifest, since: datetime, until: datetime) -> Iterator[_Part]:
    """Read day by day: rows are many times larger than their columns."""
    plan, begin = plan_of(manifest), since
    doors = doors_of(connection, version, manifest, since, until)
    while begin < until:
        end = min(floor_day(begin) + DAY, until)
        rows = rows_between(connection, version.id, begin, end, plan.findings, doors=doors, tiers=manifest.monitoring.label_tiers)
        if len(rows):
            yield _Part(batch_of(plan, rows), dict(subgroups_of(manifest.monitoring.subgroups, rows)), number_of(day_of(begin)))
        begin = end


def doors_of(connection: Connection, version: ModelVersion, manifest: Manifest, since: datetime, until: datetime) -> tuple[Door, ...]:
    """Films or tensors, whichever the period has more of; both, where nothing is watched that tells them apart."""
    if not (manifest.monitoring.numeric or manifest.monitoring.categorical):
        return BOTH
    counts = doors_between(connection, version.id, since, until)
    return (max(BOTH, key=lambda door: counts.get(door, 0)),)


def _days(parts: Sequence[_Part]) -> NDArray[np.int64]:
    return np.repeat([part.day for part in parts], [len(part.batch) for part in parts])


def _close_alarms(connection: Connection, version: ModelVersion, at: datetime) -> None:
    former = active_reference(connection, version.id)
    for alarm in open_alarms(connection, former.id) if former else ():
        clear_alarm(connection, alarm.id, at)
        expire_remedy(connection, alarm.id)
