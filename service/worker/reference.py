"""Reference: a declared period of good work, frozen as what a model version is compared to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from detectors.batch import Batch
from detectors.outlying import Yardstick
from detectors.panels import habits_of, relabelled
from detectors.reference import Reference
from detectors.reference import build_reference as freeze
from detectors.tally import Tally, tally_cells
from service.domain import ModelVersion
from service.errors import ThinReferenceError
from service.models.manifest import Manifest, parse_manifest
from service.store.alarms import clear_alarm, open_alarms
from service.store.audit import ON_SITE
from service.store.locks import session_lock
from service.store.predictions import rows_between
from service.store.references import FIRST, Draft, StoredReference, activate, active_reference, propose
from service.store.remedy_steps import expire_remedy
from service.store.rows import BOTH, Door, Rows, doors_between
from service.store.tallies import mark_hours
from service.store.yardsticks import save_yardstick
from service.worker.calendar import DAY, day_of, floor_day, floor_hour, number_of
from service.worker.cells import Column, cell_masks, declared_cells, keeps_waves
from service.worker.columns import batch_of, joined, subgroups_of
from service.worker.plan import plan_of
from service.worker.subject import lock_of

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
Period = tuple[datetime, datetime]
ROWS_NEEDED = 200
"""Fewer than this are no picture of a model at work."""


@dataclass(frozen=True, slots=True)
class Lent:
    """Predictions of another version, as the version in question sees those films."""

    model_version: int
    seen: Callable[[Connection, Rows], Rows]


def build_reference(
    engine: Engine, version: ModelVersion, since: datetime, until: datetime, *, at: datetime, actor: str = ON_SITE
) -> StoredReference:
    """Freeze the predictions of [since, until), to the hour, as the active reference, in one act: `propose_reference` and `activate_reference`."""
    proposed = propose_reference(engine, version, since, until, at=at, actor=actor)
    return activate_reference(engine, version, proposed, FIRST, at=at, actor=actor)


def propose_reference(
    engine: Engine,
    version: ModelVersion,
    since: datetime,
    until: datetime,
    *,
    at: datetime,
    excluded: Sequence[Period] = (),
    actor: str = ON_SITE,
    lent: Lent | None = None,
    stratum: str | None = None,
) -> StoredReference:
    """Freeze the predictions of a period as a reference that nothing is compared to yet.

    A tensor comes without acquisition attributes and image statistics, so films and tensors are not mixed: the reference knows
    those of which the period has more, and only those are compared to it. A use of the other door is then no drift.

    Args:
        engine: The store.
        version: The model version that made the predictions.
        since: First hour of the period.
        until: End of the period; judging begins with the first whole day after it.
        at: When this is done.
        excluded: Stretches of the period that are no part of it, to the hour: a week in which a room was rebuilt, say.
        actor: Who declares it.
        lent: Another version's predictions, in the place of its own: it has made none yet.
        stratum: Declared subgroup, "site" most often, of which each value is compared with its own part of the reference, where that has
            200 films, and with the whole otherwise; "": none; None: as the reference now in force.

    Raises:
        ValueError: The stratum is no declared subgroup.
        ThinReferenceError: There are fewer than 200 predictions in the period.
    """
    since, until = floor_hour(since), floor_hour(until)
    without = [(floor_hour(begin), floor_hour(end)) for begin, end in excluded]
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        usual = _usual_stratum(connection, version.id if lent is None else lent.model_version) if stratum is None else stratum
        reference, yardstick = _frozen(connection, version, since, until, without, lent=lent, stratum=usual)
    with engine.begin() as connection:
        stored = propose(connection, Draft(version.id, since, until, at, reference.to_bytes(), without), actor=actor)
        if yardstick is not None:
            save_yardstick(connection, stored.id, yardstick.to_bytes())
    return stored


def activate_reference(
    engine: Engine, version: ModelVersion, proposed: StoredReference, reason: str, *, at: datetime, actor: str = ON_SITE
) -> StoredReference:
    """Compare a model version to a proposed reference from now on; what came after its period is tallied and judged anew.

    The former reference retires, and is kept with everything that was computed against it; its open alarms are over: to declare a
    new normal is a person's answer to them. They stay judged under it. Passes over this version wait until it is done.

    Raises:
        UnknownReferenceError: It is not a proposal any more. One that retired is proposed again, so that its evidence begins anew.
    """
    with engine.connect() as connection, session_lock(connection, lock_of(version), wait=True), connection.begin():
        _close_alarms(connection, version, at, actor)
        mark_hours(connection, version.id, proposed.until, END_OF_TIME)
        return activate(connection, proposed, reason, at=at, actor=actor)


def period_under(connection: Connection, version: ModelVersion, stored: StoredReference, reference: Reference) -> dict[str, Tally]:
    """Tally the period of one reference under the schema of another: cell -> tally."""
    manifest = parse_manifest(version.manifest)
    excluded = [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in stored.excluded]
    doors, cells = doors_of(connection, version.id, manifest, stored.since, stored.until), reference.plan.cells
    found: dict[str, Tally] = {}
    for part in _parts(connection, version.id, manifest, doors, list(stretches_of(stored.since, stored.until, excluded))):
        batch = relabelled(part.batch, reference.plan.findings, reference.habits)
        today = tally_cells(reference.schema, batch, cell_masks(cells, part.subgroups), ())
        found = {cell: found[cell] + one if cell in found else one for cell, one in today.items()}
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """The predictions of one day of the period, in columns."""

    batch: Batch
    subgroups: dict[str, Column]
    day: int


def _frozen(
    connection: Connection,
    version: ModelVersion,
    since: datetime,
    until: datetime,
    excluded: Sequence[Period],
    *,
    lent: Lent | None,
    stratum: str,
) -> tuple[Reference, Yardstick | None]:
    manifest = parse_manifest(version.manifest)
    if stratum and stratum not in manifest.monitoring.subgroups:
        raise ValueError("the stratum is a declared subgroup")
    source = version.id if lent is None else lent.model_version
    doors = doors_of(connection, source, manifest, since, until)
    parts = list(_parts(connection, source, manifest, doors, list(stretches_of(since, until, excluded)), lent=lent))
    if sum(len(part.batch) for part in parts) < ROWS_NEEDED:
        raise ThinReferenceError
    subgroups = {name: np.concatenate([part.subgroups[name] for part in parts]) for name in manifest.monitoring.subgroups}
    plan = plan_of(manifest, declared_cells(subgroups, manifest.monitoring.pairs, stratum), stratum)
    waves = [cell for cell in plan.cells if keeps_waves(cell)]
    batch, days = joined([part.batch for part in parts]), _days(parts)
    habits = habits_of(plan.findings, batch)
    labelled = relabelled(batch, plan.findings, habits)
    return freeze(plan, labelled, cell_masks(plan.cells, subgroups), days, waves=waves, habits=habits), Yardstick.of(batch.embedding, days)


def _usual_stratum(connection: Connection, source: int) -> str:
    """The stratum of the reference in force, as far as there is one."""
    active = active_reference(connection, source)
    return "" if active is None else Reference.from_bytes(active.payload).plan.stratum


def _parts(
    connection: Connection,
    source: int,
    manifest: Manifest,
    doors: Sequence[Door],
    stretches: Sequence[Period],
    *,
    lent: Lent | None = None,
) -> Iterator[_Part]:
    """Read day by day: rows are many times larger than their columns."""
    plan, tiers = plan_of(manifest), manifest.monitoring.label_tiers
    for begin, end in stretches:
        rows = rows_between(connection, source, begin, end, plan.findings, doors=doors, tiers=tiers)
        rows = rows if lent is None else lent.seen(connection, rows)
        if len(rows):
            yield _Part(batch_of(plan, rows), dict(subgroups_of(manifest.monitoring.subgroups, rows)), number_of(day_of(begin)))


def stretches_of(since: datetime, until: datetime, excluded: Sequence[Period] = ()) -> Iterator[Period]:
    """Cut a period into days, and leave out what is excluded.

    >>> noon, end = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC)
    >>> [(one.hour, (other - one) * 24 // DAY) for one, other in stretches_of(noon, end, [(noon + DAY / 12, noon + DAY / 6)])]
    [(12, 2), (16, 8), (0, 24)]
    """
    edges = {since, until, *(edge for period in excluded for edge in period if since < edge < until)}
    day = floor_day(since) + DAY
    while day < until:
        edges.add(day)
        day += DAY
    for begin, end in pairwise(sorted(edges)):
        if not any(low <= begin < high for low, high in excluded):
            yield begin, end


def doors_of(connection: Connection, source: int, manifest: Manifest, since: datetime, until: datetime) -> tuple[Door, ...]:
    """Films or tensors, whichever the period has more of; both, where nothing is watched that tells them apart."""
    if not (manifest.monitoring.numeric or manifest.monitoring.categorical):
        return BOTH
    counts = doors_between(connection, source, since, until)
    return (max(BOTH, key=lambda door: counts.get(door, 0)),)


def _days(parts: Sequence[_Part]) -> NDArray[np.int64]:
    return np.repeat([part.day for part in parts], [len(part.batch) for part in parts])


def _close_alarms(connection: Connection, version: ModelVersion, at: datetime, actor: str) -> None:
    former = active_reference(connection, version.id)
    for alarm in open_alarms(connection, former.id) if former else ():
        clear_alarm(connection, alarm.id, at)
        expire_remedy(connection, alarm.id, at, actor, "another reference was declared")
