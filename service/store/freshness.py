"""Freshness: how far the last run of a model version went, and whether it still says all there is to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Integer, and_, exists, literal, select, update

from service.store.tables import day_marks, reference_versions, snapshots, tally_marks
from service.store.tallies import HOUR


def last_run(connection: Connection, model_version: int, reference: int, form: int | None = None) -> datetime | None:
    """The closed hour at which the last run against this reference ended; where a form is given, of one that is written in it."""
    return connection.scalar(select(snapshots.c.until).where(snapshots.c.model_version == model_version, _is(literal(reference), form)))


def confirm_runs(connection: Connection, model_versions: Sequence[int], form: int, *, until: datetime, at: datetime) -> set[int]:
    """Say that nothing has changed since the runs of these versions that ended at this closed hour, where that is so; tell of which it is.

    Nothing has: the run was against the active reference, and no hour that was over by then, and no day of it, carries a mark.
    A run that somebody writes at this moment is left to him.
    """
    active, marked = reference_versions, day_marks
    stale_hour = exists().where(tally_marks.c.model_version == snapshots.c.model_version, tally_marks.c.hour <= until - HOUR)
    stale_day = exists().where(marked.c.reference == active.c.id, marked.c.day <= until.date())
    said = (
        select(snapshots.c.model_version)
        .join(active, and_(active.c.model_version == snapshots.c.model_version, active.c.state == "active"))
        .where(snapshots.c.model_version.in_(model_versions), snapshots.c.until == until, _is(active.c.id, form), ~stale_hour, ~stale_day)
        .with_for_update(of=snapshots, skip_locked=True)
    )
    confirmed = list(connection.scalars(said))
    if confirmed:
        connection.execute(update(snapshots).where(snapshots.c.model_version.in_(confirmed)).values(computed_at=at))
    return set(confirmed)


def _is(reference: ColumnElement[int], form: int | None) -> ColumnElement[bool]:
    said = snapshots.c.payload
    against = said["reference"].astext.cast(Integer) == reference
    return against if form is None else and_(against, said["format"].astext.cast(Integer) == form)
