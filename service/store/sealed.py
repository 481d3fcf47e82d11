"""Sealed headers: what reports repeat of films, written with their predictions and forgotten after some days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Connection, Engine, select, text

from service.domain import Prediction
from service.store.outbox import Kind
from service.store.tables import sealed_headers as table

COPY: Final = "copy sealed_headers (prediction, header) from stdin (format binary)"
# The message of a report has the id of its prediction: one prediction has one report, however it comes to be recorded.
ENQUEUE: Final = """
insert into outbox (id, kind, prediction, body, created_at, next_attempt_at)
select prediction, %s, prediction, '', now(), now() from unnest(%s::uuid[]) as prediction
"""
FORGET = text("""
delete from sealed_headers where prediction in
    (select prediction from sealed_headers where sealed_at < :before order by sealed_at limit :batch for update skip locked)
""")
BATCH: Final = 5000


def store_sealed(cursor: Cursor[Any], predictions: Sequence[Prediction]) -> None:
    """Write what is sealed of these predictions, and a message for each report that is to be pushed, in the transaction of their rows."""
    sealed = [(prediction.id, prediction.sealed) for prediction in predictions if prediction.sealed is not None]
    if not sealed:
        return
    with cursor.copy(COPY) as copy:
        copy.set_types(["uuid", "bytea"])
        for identifier, one in sealed:
            copy.write_row((identifier, one.header))
    if pushed := [identifier for identifier, one in sealed if one.push]:
        cursor.execute(ENQUEUE, (Kind.REPORT, pushed))


def find_sealed(connection: Connection, prediction: UUID, since: datetime) -> bytes | None:
    """The sealed header of a prediction; None where there is none, or it was sealed before `since`."""
    return connection.scalar(select(table.c.header).where(table.c.prediction == prediction, table.c.sealed_at >= since))


def forget_sealed(engine: Engine, before: datetime) -> int:
    """Remove what was sealed before that moment, some thousand in a transaction; how many they were."""
    removed = 0
    while True:
        with engine.begin() as connection:
            batch = connection.execute(FORGET, {"before": before, "batch": BATCH}).rowcount
        removed += batch
        if batch < BATCH:
            return removed
