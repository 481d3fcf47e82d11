"""Volumes: how many films of a model came in a stretch of time, and how many were not answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from service.store.ids import uuid7_floor
from service.store.tables import day_tallies, predictions, refusals


def counted_days(connection: Connection, reference: int, first: date, last: date, cell: str) -> Mapping[date, int]:
    """Films of each day that is over and was counted, in one cell."""
    query = select(day_tallies.c.day, day_tallies.c.n).where(
        day_tallies.c.reference == reference, day_tallies.c.cell == cell, day_tallies.c.day.between(first, last)
    )
    return {row.day: row.n for row in connection.execute(query.order_by(day_tallies.c.day))}


def answered_between(connection: Connection, model_version: int, begin: datetime, end: datetime) -> int:
    """Predictions of a version that were received in [begin, end), as far as they are kept."""
    query = select(func.count()).where(
        predictions.c.model_version == model_version, predictions.c.id >= uuid7_floor(begin), predictions.c.id < uuid7_floor(end)
    )
    return connection.scalar(query) or 0


def unanswered_between(connection: Connection, model: str, begin: datetime, end: datetime) -> Mapping[tuple[str, str], int]:
    """Requests to a model in [begin, end) that got no prediction: (refused or failed, reason) -> how many, most first."""
    query = (
        select(refusals.c.outcome, refusals.c.reason, func.count())
        .where(refusals.c.model == model, refusals.c.at >= begin, refusals.c.at < end)
        .group_by(refusals.c.outcome, refusals.c.reason)
        .order_by(func.count().desc(), refusals.c.outcome, refusals.c.reason)
    )
    return {(outcome, reason): requests for outcome, reason, requests in connection.execute(query)}


def latest_durations(connection: Connection, since: datetime, most: int) -> list[float]:
    """Milliseconds from receipt to answer of the newest predictions since then, of every model, at most so many."""
    query = select(predictions.c.duration_ms).where(predictions.c.id >= uuid7_floor(since)).order_by(predictions.c.id.desc()).limit(most)
    return list(connection.scalars(query))
