"""Shadow predictions: what challengers said of films that the champion answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select, text

from service.store.drivers import driver_cursor
from service.store.erasures import LOCK
from service.store.ids import time_of, uuid7_floor
from service.store.locks import key_of
from service.store.partitions import month_of
from service.store.shadow_months import ensure_shadow_months
from service.store.tables import shadow_predictions

# Until our commit no erasure begins, and none is under way: what was said of an erased film is not written after it.
SHARED = "select pg_advisory_xact_lock_shared(%s)"
WRITE = """
insert into shadow_predictions (prediction, model_version, logits, embedding, duration_ms, at)
select %b, %b, %b, %b, %b, %b where exists (select from predictions where id = %b)
on conflict do nothing
"""


@dataclass(frozen=True, slots=True, eq=False)
class Shadow:
    """What a challenger said of one film. logits: one per finding of its own manifest. duration_ms: preprocessing, where it has its own, and inference."""

    prediction: UUID
    model_version: int
    logits: NDArray[np.float32]
    embedding: NDArray[np.float16]
    duration_ms: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """A challenger's answers in a stretch of time, by prediction."""

    logits: Mapping[UUID, NDArray[np.float32]]
    durations_ms: Mapping[UUID, float]


def record_shadows(connection: Connection, shadows: Sequence[Shadow]) -> int:
    """Store what was said, once each; how many are new. A film that is not recorded, or was erased meanwhile, is passed over."""
    if not shadows:
        return 0
    ensure_shadow_months(connection, {month_of(time_of(shadow.prediction)) for shadow in shadows})
    with driver_cursor(connection) as cursor:
        cursor.execute(SHARED, (key_of(LOCK),))
        cursor.executemany(WRITE, [_row(shadow) for shadow in shadows])
        return cursor.rowcount


def shadows_between(connection: Connection, model_version: int, since: datetime, until: datetime) -> Said:
    """What a challenger said of films received in [since, until)."""
    table = shadow_predictions
    query = select(table.c.prediction, table.c.logits, table.c.duration_ms).where(
        table.c.model_version == model_version, table.c.prediction >= uuid7_floor(since), table.c.prediction < uuid7_floor(until)
    )
    rows = connection.execute(query).all()
    return Said({row[0]: np.array(row[1], np.float32) for row in rows}, {row[0]: row[2] for row in rows})


def count_shadows(connection: Connection, model_version: int) -> int:
    """Films that a challenger has said something of, in all."""
    query = select(func.count()).select_from(shadow_predictions).where(shadow_predictions.c.model_version == model_version)
    return connection.scalar(query) or 0


def first_shadow(connection: Connection, model_version: int) -> datetime | None:
    """When the first film was received that a challenger said something of."""
    query = text("select prediction from shadow_predictions where model_version = :version order by prediction limit 1")
    found = connection.scalar(query, {"version": model_version})
    return None if found is None else time_of(found)


def _row(shadow: Shadow) -> tuple[object, ...]:
    embedding = shadow.embedding.astype("<f2", copy=False).tobytes() or None
    values = (shadow.prediction, shadow.model_version, shadow.logits.tolist(), embedding, shadow.duration_ms, shadow.at)
    return (*values, shadow.prediction)
