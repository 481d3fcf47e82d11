"""Freshness: how far the last run of a model version went, and whether it still says all there is to say."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Integer, and_, select, update

from service.store.tables import snapshots


def last_run(connection: Connection, model_version: int, reference: int) -> datetime | None:
    """The closed hour at which the last run against this reference ended."""
    return connection.scalar(select(snapshots.c.until).where(_is(model_version, reference)))


def confirm_run(connection: Connection, model_version: int, reference: int, *, until: datetime, at: datetime) -> bool:
    """Say that nothing has changed since the run that ended at this closed hour; false where there is no such run."""
    statement = update(snapshots).where(_is(model_version, reference), snapshots.c.until == until).values(computed_at=at)
    return connection.scalar(statement.returning(snapshots.c.model_version)) is not None


def _is(model_version: int, reference: int) -> ColumnElement[bool]:
    return and_(snapshots.c.model_version == model_version, snapshots.c.payload["reference"].astext.cast(Integer) == reference)
