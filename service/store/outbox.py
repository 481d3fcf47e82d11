"""The outbox: messages written with what they tell of, delivered afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import outbox

LONGEST_ERROR = 200


class Kind(StrEnum):
    """What a message tells of: a remedy or a result, to a webhook, a report, to the PACS, or a retraining, to whoever trains."""

    REMEDY = "remedy"
    RESULT = "result"
    REPORT = "report"
    RETRAINING = "retraining"


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is to be delivered under its id, and how often that was tried. The body of a report is empty and made when it is sent."""

    id: UUID
    body: bytes
    created_at: datetime
    attempts: int
    prediction: UUID | None = None


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """Messages that still have to be delivered, those that were given up, and since when the oldest has been waiting."""

    pending: int
    dead: int
    waiting_since: datetime | None = None


def enqueue(connection: Connection, identifier: UUID, remedy: UUID, body: bytes, at: datetime, *, kind: Kind = Kind.REMEDY) -> bool:
    """Write the message of a remedy in the transaction that it tells of; false where it is written already: one of a kind for each remedy."""
    statement = insert(outbox).values(id=identifier, kind=kind, remedy=remedy, body=body, created_at=at, next_attempt_at=at)
    return connection.scalar(statement.on_conflict_do_nothing().returning(outbox.c.id)) is not None


def enqueue_result(connection: Connection, identifier: UUID, prediction: UUID | None, body: bytes, at: datetime) -> bool:
    """Write the message of a request's end in the transaction that stores it; false where it is written already."""
    values = {"id": identifier, "kind": Kind.RESULT, "prediction": prediction, "body": body, "created_at": at, "next_attempt_at": at}
    statement = insert(outbox).values(values)
    return connection.scalar(statement.on_conflict_do_nothing().returning(outbox.c.id)) is not None


def due(connection: Connection, kind: Kind, now: datetime, limit: int = 1) -> list[Message]:
    """Messages of a kind that are to be tried now, locked until the transaction ends; those that another process holds are passed over."""
    waiting = outbox.c.delivered_at.is_(None) & outbox.c.dead_at.is_(None) & (outbox.c.next_attempt_at <= now)
    columns = (outbox.c.id, outbox.c.body, outbox.c.created_at, outbox.c.attempts, outbox.c.prediction)
    query = select(*columns).where(outbox.c.kind == kind, waiting).order_by(outbox.c.next_attempt_at, outbox.c.id).limit(limit)
    return [Message(*row) for row in connection.execute(query.with_for_update(skip_locked=True))]


def delivered(connection: Connection, identifier: UUID, at: datetime) -> None:
    """Say that the receiver has taken a message."""
    values = {"delivered_at": at, "attempts": outbox.c.attempts + 1, "last_error": None}
    connection.execute(update(outbox).where(outbox.c.id == identifier).values(values))


def remove(connection: Connection, identifier: UUID) -> None:
    """Leave nothing of a message that was delivered."""
    connection.execute(delete(outbox).where(outbox.c.id == identifier))


def failed(connection: Connection, identifier: UUID, error: str, next_attempt_at: datetime) -> None:
    """Say that a try failed, and when the next one is due."""
    values = {"next_attempt_at": next_attempt_at, "attempts": outbox.c.attempts + 1, "last_error": error[:LONGEST_ERROR]}
    connection.execute(update(outbox).where(outbox.c.id == identifier).values(values))


def dead(connection: Connection, identifier: UUID, error: str, at: datetime) -> None:
    """Say that a message is given up."""
    values = {"dead_at": at, "attempts": outbox.c.attempts + 1, "last_error": error[:LONGEST_ERROR]}
    connection.execute(update(outbox).where(outbox.c.id == identifier).values(values))


def count_messages(connection: Connection) -> Mapping[Kind, OutboxCounts]:
    """Of every kind, how many messages wait, since when, and how many were given up."""
    waits = outbox.c.delivered_at.is_(None) & outbox.c.dead_at.is_(None)
    counts = (func.count().filter(waits), func.count(outbox.c.dead_at), func.min(outbox.c.created_at).filter(waits))
    query = select(outbox.c.kind, *counts).where(outbox.c.delivered_at.is_(None)).group_by(outbox.c.kind)
    found = {row[0]: OutboxCounts(*row[1:]) for row in connection.execute(query)}
    return {kind: found.get(kind, OutboxCounts(0, 0, None)) for kind in Kind}
