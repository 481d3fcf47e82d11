"""Predictions: one row for each accepted film, however often it is sent and by however many gateways."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from psycopg import Cursor, sql
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Row, select

from service.domain import Prediction, Pseudonyms, Recorded, Scores
from service.errors import ConflictError, UnknownPredictionError
from service.store.drivers import driver_cursor
from service.store.partitions import ensure_months, month_of
from service.store.rows import Rows, rows_between
from service.store.tables import predictions

__all__ = ["Rows", "find_prediction", "predictions_of", "record_batch", "rows_between", "versions_of"]

COLUMNS = {
    "position": "int4",
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
}
STORED = sql.SQL(", ").join(sql.Identifier(name) for name in COLUMNS if name != "position")
INCOMING = sql.SQL("create temporary table if not exists incoming_predictions ({}) on commit delete rows").format(
    sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in COLUMNS.items())
)
COPY = sql.SQL("copy incoming_predictions ({}) from stdin (format binary)").format(sql.SQL(", ").join(map(sql.Identifier, COLUMNS)))

# In the order of the keys, so that two gateways with the same keys wait for each other instead of locking each other out.
CLAIM = """
    insert into submissions (key, prediction, content, received_at)
    select distinct on (key) key, id, content, received_at from incoming_predictions order by key, position
    on conflict (key) do nothing
"""
# Only the film that owns its key becomes a row; its hour is stale from this commit on.
INSERT = sql.SQL("""
    with stored as (
        insert into predictions ({columns})
        select {columns} from incoming_predictions
        where exists (select from submissions where submissions.key = incoming_predictions.key and prediction = incoming_predictions.id)
        on conflict (id) do nothing
        returning model_version, received_at
    )
    insert into tally_marks (model_version, hour)
    select distinct model_version, date_trunc('hour', received_at, 'UTC') from stored
""").format(columns=STORED)
OTHERS = """
    select position, submissions.prediction, submissions.content
    from incoming_predictions join submissions using (key)
    where submissions.prediction <> incoming_predictions.id
"""


def record_batch(connection: Connection, batch: Sequence[Prediction]) -> list[Recorded | ConflictError]:
    """Store a group of predictions in the caller's transaction; the answers come in the order of the batch.

    The first film under a key owns it. The same film again gets the first answer, another film under the key a ConflictError.
    Idempotent: the same batch again changes nothing.
    """
    if not batch:
        return []
    ensure_months(connection, sorted({month_of(prediction.received_at) for prediction in batch}))
    with driver_cursor(connection) as cursor:
        _copy(cursor, batch)
        cursor.execute(CLAIM)
        cursor.execute(INSERT)
        others = {position: (owner, content) for position, owner, content in cursor.execute(OTHERS)}
    firsts = _find(connection, {owner for owner, _ in others.values()})
    return [_answer(prediction, others.get(position), firsts) for position, prediction in enumerate(batch)]


def find_prediction(connection: Connection, identifier: UUID) -> Prediction:
    """The prediction with this id.

    Raises:
        UnknownPredictionError: There is none.
    """
    found = _find(connection, {identifier})
    if identifier not in found:
        raise UnknownPredictionError
    return found[identifier]


def versions_of(connection: Connection, identifiers: Sequence[UUID]) -> dict[UUID, int]:
    """Prediction -> model version, for those of these ids that exist."""
    query = select(predictions.c.id, predictions.c.model_version).where(predictions.c.id.in_(identifiers))
    return {row.id: row.model_version for row in connection.execute(query)}


def predictions_of(connection: Connection, *, accession: bytes | None = None, instance: bytes | None = None) -> list[UUID]:
    """The predictions of an accession or of an instance, by pseudonym, earliest first; none where neither is given."""
    wanted = [
        column == value for column, value in ((predictions.c.accession, accession), (predictions.c.instance, instance)) if value is not None
    ]
    return list(connection.scalars(select(predictions.c.id).where(*wanted).order_by(predictions.c.id))) if wanted else []


def _copy(cursor: Cursor[tuple[object, ...]], batch: Sequence[Prediction]) -> None:
    cursor.execute(INCOMING)
    with cursor.copy(COPY) as copy:
        copy.set_types(list(COLUMNS.values()))
        for position, prediction in enumerate(batch):
            copy.write_row((position, *_values(prediction)))


def _values(prediction: Prediction) -> tuple[object, ...]:
    named, scores = prediction.pseudonyms, prediction.scores
    return (
        prediction.id,
        prediction.model_version,
        prediction.received_at,
        prediction.site,
        prediction.caller,
        prediction.key,
        prediction.content,
        named.patient,
        named.accession,
        named.study,
        named.series,
        named.instance,
        Jsonb(dict(prediction.attributes)),
        Jsonb(dict(prediction.statistics)),
        scores.logits.tolist(),
        scores.embedding.astype("<f2").tobytes() or None,
        prediction.pixel_sha256,
        prediction.input_sha256,
        prediction.input_bytes,
        prediction.duration_ms,
    )


def _answer(prediction: Prediction, other: tuple[UUID, bytes] | None, firsts: dict[UUID, Prediction]) -> Recorded | ConflictError:
    if other is None:
        return Recorded(prediction, replayed=False)
    owner, content = other
    if bytes(content) != prediction.content:
        return ConflictError()
    return Recorded(firsts[owner], replayed=True)


def _find(connection: Connection, identifiers: set[UUID]) -> dict[UUID, Prediction]:
    if not identifiers:
        return {}
    rows = connection.execute(select(predictions).where(predictions.c.id.in_(identifiers)))
    return {row.id: _prediction(row) for row in rows}


def _prediction(row: Row[tuple[object, ...]]) -> Prediction:
    values = row._asdict()
    named = Pseudonyms(**{name: values.pop(name) for name in ("patient", "accession", "study", "series", "instance")})
    embedding = np.frombuffer(values.pop("embedding") or b"", dtype="<f2")
    scores = Scores(np.array(values.pop("logits"), dtype=np.float32), embedding.astype(np.float16, copy=False))
    return Prediction(**values, pseudonyms=named, scores=scores)
