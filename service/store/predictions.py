"""Predictions: each accepted film exactly once, however often, from wherever and at whatever moment it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import numpy as np
from psycopg import Cursor
from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, ColumnElement, Connection, Row, Uuid, any_, literal, select

from service.domain import Prediction, Pseudonyms, Recorded, Scores
from service.errors import ConflictError, UnknownPredictionError
from service.store import documents
from service.store.drivers import driver_cursor
from service.store.ids import time_of
from service.store.partitions import ensure_months, hour_of, month_of
from service.store.rows import Rows, rows_between
from service.store.sealed import store_sealed
from service.store.tables import predictions as table

__all__ = ["Rows", "find_prediction", "predictions_of", "record_batch", "rows_between", "versions_of"]

# Column and type, in the order in which fields gives them.
TYPES: Final = {
    "id": "uuid",
    "model_version": "int4",
    "received_at": "timestamptz",
    "site": "text",
    "caller": "text",
    "key": "bytea",
    "content": "bytea",
    "patient": "bytea",
    "accession": "bytea",
    "study": "bytea",
    "series": "bytea",
    "instance": "bytea",
    "attributes": "jsonb",
    "statistics": "jsonb",
    "logits": "float4[]",
    "embedding": "bytea",
    "pixel_sha256": "bytea",
    "input_sha256": "bytea",
    "input_bytes": "int8",
    "duration_ms": "float4",
    "flags": "text[]",
}
COLUMNS: Final = ", ".join(TYPES)

COPY = f"copy predictions ({COLUMNS}) from stdin (format binary)"

# A gateway that freezes in the middle must not hold its keys: the same film may be on its second way already, through another one.
BRIEFLY = "set local idle_in_transaction_session_timeout = '10s'"

# Whoever inserts a key first owns it; who comes while its owner has not committed waits for that.
CLAIM = """
insert into submissions (key, prediction, content, received_at)
select * from unnest(%b::bytea[], %b::uuid[], %b::bytea[], %b::timestamptz[])
on conflict (key) do nothing
returning prediction
"""
OWNERS = "select key, prediction, content from submissions where key = any(%b)"
MARK = "insert into tally_marks (model_version, hour) values (%s, %s)"


def record_batch(connection: Connection, predictions: Sequence[Prediction]) -> list[Recorded | ConflictError]:
    """Store a group of predictions in the caller's transaction, each once.

    The first prediction under a key is stored and its hour marked for the worker; a later one with the same content is
    answered with the first, one with other content with a ConflictError. That holds within the group, across processes
    and across restarts; a group that was committed without our hearing of it may be sent again.

    Returns:
        One answer for each prediction, in their order.

    Raises:
        ValueError: The id of a prediction does not carry its time.
    """
    if not predictions:
        return []
    if any(time_of(prediction.id) != prediction.received_at for prediction in predictions):
        raise ValueError("the id of a prediction must be a UUIDv7 of its received_at")
    ensure_months(connection, {month_of(prediction.received_at) for prediction in predictions})
    first = {prediction.key: prediction for prediction in reversed(predictions)}
    with driver_cursor(connection) as cursor:
        cursor.execute(BRIEFLY)
        claimed = _claim(cursor, [first[key] for key in sorted(first)])
        _store(cursor, [prediction for prediction in first.values() if prediction.id in claimed])
        late = [prediction.key for prediction in predictions if prediction.id not in claimed]
        owners = {key: (owner, content) for key, owner, content in cursor.execute(OWNERS, (late,))} if late else {}
    earlier = _find(connection, [owner for owner, _ in owners.values()]) if owners else {}
    return [_answer(prediction, owners, earlier) for prediction in predictions]


def find_prediction(connection: Connection, identifier: UUID) -> Prediction:
    """The prediction of this id.

    Raises:
        UnknownPredictionError: There is none.
    """
    found = _find(connection, [identifier])
    if identifier not in found:
        raise UnknownPredictionError
    return found[identifier]


def versions_of(connection: Connection, identifiers: Sequence[UUID]) -> dict[UUID, int]:
    """Prediction -> model version, for those of these ids that exist."""
    query = select(table.c.id, table.c.model_version).where(_among(identifiers))
    return {row.id: row.model_version for row in connection.execute(query)}


def predictions_of(connection: Connection, *, accession: bytes | None = None, instance: bytes | None = None) -> list[UUID]:
    """The predictions of an accession or of an instance, by pseudonym, earliest first; none where neither is given."""
    wanted = [column == value for column, value in ((table.c.accession, accession), (table.c.instance, instance)) if value is not None]
    return list(connection.scalars(select(table.c.id).where(*wanted).order_by(table.c.id))) if wanted else []


def _claim(cursor: Cursor[Any], predictions: Sequence[Prediction]) -> set[UUID]:
    """The ids of those that own their key from now on. They come in the order of their keys: so no two writers wait in a circle."""
    keys = [prediction.key for prediction in predictions]
    ids = [prediction.id for prediction in predictions]
    contents = [prediction.content for prediction in predictions]
    times = [prediction.received_at for prediction in predictions]
    return {row[0] for row in cursor.execute(CLAIM, (keys, ids, contents, times))}


def _store(cursor: Cursor[Any], predictions: Sequence[Prediction]) -> None:
    """The rows, and a mark for each hour that they make stale."""
    if not predictions:
        return
    with cursor.copy(COPY) as copy:
        copy.set_types(list(TYPES.values()))
        for prediction in predictions:
            copy.write_row(fields(prediction))
    store_sealed(cursor, predictions)
    cursor.executemany(MARK, sorted({(prediction.model_version, hour_of(prediction.received_at)) for prediction in predictions}))


def fields(prediction: Prediction) -> tuple[Any, ...]:
    """The row of a prediction, in the order of COLUMNS."""
    names, scores = prediction.pseudonyms, prediction.scores
    return (
        prediction.id,
        prediction.model_version,
        prediction.received_at,
        prediction.site,
        prediction.caller,
        prediction.key,
        prediction.content,
        names.patient,
        names.accession,
        names.study,
        names.series,
        names.instance,
        Jsonb(prediction.attributes, documents.encode),
        Jsonb(prediction.statistics, documents.encode),
        scores.logits.tolist(),
        scores.embedding.astype("<f2", copy=False).tobytes() or None,
        prediction.pixel_sha256,
        prediction.input_sha256,
        prediction.input_bytes,
        prediction.duration_ms,
        list(prediction.flags),
    )


def _answer(
    prediction: Prediction, owners: Mapping[bytes, tuple[UUID, bytes]], earlier: Mapping[UUID, Prediction]
) -> Recorded | ConflictError:
    owner, content = owners.get(prediction.key, (prediction.id, prediction.content))
    if owner == prediction.id:
        return Recorded(prediction, replayed=False)
    if content != prediction.content or owner not in earlier:
        return ConflictError()
    return Recorded(earlier[owner], replayed=True)


def _find(connection: Connection, identifiers: Sequence[UUID]) -> dict[UUID, Prediction]:
    rows = connection.execute(select(table).where(_among(identifiers)))
    return {row.id: _prediction(row) for row in rows}


def _among(identifiers: Sequence[UUID]) -> ColumnElement[bool]:
    """One array is one parameter, however many ids a file of labels names."""
    return table.c.id == any_(literal(list(identifiers), ARRAY(Uuid)))


def _prediction(row: Row[Any]) -> Prediction:
    return Prediction(
        id=row.id,
        model_version=row.model_version,
        received_at=row.received_at,
        site=row.site,
        caller=row.caller,
        key=row.key,
        content=row.content,
        pseudonyms=Pseudonyms(row.patient, row.accession, row.study, row.series, row.instance),
        attributes=row.attributes,
        statistics=row.statistics,
        scores=Scores(np.array(row.logits, np.float32), np.frombuffer(row.embedding or b"", "<f2").astype(np.float16)),
        pixel_sha256=row.pixel_sha256,
        input_sha256=row.input_sha256,
        input_bytes=row.input_bytes,
        duration_ms=row.duration_ms,
        flags=tuple(row.flags),
    )
