"""Reviews: what was attached to an alarm afterwards; at most one of each kind, and none of them decides anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, exists, select
from sqlalchemy.dialects.postgresql import insert

from service.access import Act, Deed
from service.store.alarm_tables import alarm_reviews, alarms
from service.store.audit import ON_SITE, append


class Kind(StrEnum):
    """confirmation: what alibi-detect says. report: where Evidently's report lies."""

    CONFIRMATION = "confirmation"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Review:
    """Something attached to an alarm. payload: as JSON; names no prediction and no patient."""

    alarm: UUID
    kind: Kind
    made_at: datetime
    payload: Mapping[str, Any]


def save_review(connection: Connection, review: Review, *, actor: str = ON_SITE) -> None:
    """Attach it in the place of the former one of its kind."""
    values = {"made_at": review.made_at, "payload": dict(review.payload)}
    statement = insert(alarm_reviews).values(alarm=review.alarm, kind=review.kind, **values)
    connection.execute(statement.on_conflict_do_update(constraint="alarm_reviews_pkey", set_=values))
    append(connection, Act(review.made_at, actor, Deed.ALARM_REVIEWED, str(review.alarm), {"kind": review.kind}))


def reviews_of(connection: Connection, alarm: UUID) -> Mapping[Kind, Review]:
    """What is attached to an alarm."""
    query = select(alarm_reviews).where(alarm_reviews.c.alarm == alarm).order_by(alarm_reviews.c.kind)
    return {Kind(row.kind): Review(row.alarm, Kind(row.kind), row.made_at, row.payload) for row in connection.execute(query)}


def unreviewed(connection: Connection, kind: Kind, since: datetime) -> list[UUID]:
    """Alarms opened since then that have nothing of this kind attached, oldest first."""
    there = exists().where(alarm_reviews.c.alarm == alarms.c.id, alarm_reviews.c.kind == kind)
    return list(
        connection.scalars(select(alarms.c.id).where(alarms.c.opened_at >= since, ~there).order_by(alarms.c.opened_at, alarms.c.id))
    )
