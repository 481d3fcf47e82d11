"""Labels: statements of readers, kept for ever; the latest on a finding counts."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Connection, select

from service.domain import Label
from service.errors import UnknownPredictionError
from service.store.drivers import driver_cursor
from service.store.predictions import versions_of
from service.store.tables import labels

# RFC 9562: the bits of version and variant, and their values in a UUIDv8, whose content is ours.
FIXED_BITS = 0xF << 76 | 0b11 << 62
VERSION_8 = 8 << 76 | 0b10 << 62

KINDS = ("uuid", "uuid", "int4", "text", "float8", "text", "bytea", "timestamptz", "timestamptz")
INCOMING = """
    create temporary table if not exists incoming_labels
    (id uuid, prediction uuid, model_version int4, finding text, value float8, source text, reader bytea, made_at timestamptz, received_at timestamptz)
    on commit delete rows
"""
INSERT = """
    insert into labels (id, prediction, model_version, finding, value, source, reader, made_at, received_at)
    select distinct on (id) id, prediction, model_version, finding, value, source, reader, made_at, received_at
    from incoming_labels order by id
    on conflict (id) do nothing
    returning id
"""
MARK = """
    insert into tally_marks (model_version, hour)
    select distinct predictions.model_version, date_trunc('hour', predictions.received_at, 'UTC')
    from labels join predictions on predictions.id = labels.prediction
    where labels.id = any(%s)
"""


def add_labels(connection: Connection, statements: Sequence[Label]) -> int:
    """Store these statements in the caller's transaction and mark the hours of their predictions stale.

    Returns:
        How many were new: a statement sent twice is one.

    Raises:
        UnknownPredictionError: One of them is about no prediction that is stored; none was added.
    """
    if not statements:
        return 0
    versions = versions_of(connection, list({statement.prediction for statement in statements}))
    if any(statement.prediction not in versions for statement in statements):
        raise UnknownPredictionError
    with driver_cursor(connection) as cursor:
        cursor.execute(INCOMING)
        with cursor.copy("copy incoming_labels from stdin (format binary)") as copy:
            copy.set_types(KINDS)
            for statement in statements:
                copy.write_row(_values(statement, versions[statement.prediction]))
        new = [row[0] for row in cursor.execute(INSERT)]
        if new:
            cursor.execute(MARK, (new,))
    return len(new)


def labels_of(connection: Connection, prediction: UUID) -> list[Label]:
    """Every statement on a prediction, earliest made first."""
    query = select(
        labels.c.prediction, labels.c.finding, labels.c.value, labels.c.source, labels.c.reader, labels.c.made_at, labels.c.received_at
    ).where(labels.c.prediction == prediction)
    return [Label(*row) for row in connection.execute(query.order_by(labels.c.made_at, labels.c.received_at, labels.c.id))]


def _values(statement: Label, model_version: int) -> tuple[object, ...]:
    return (
        _id(statement),
        statement.prediction,
        model_version,
        statement.finding,
        float(statement.value),
        statement.source,
        statement.reader,
        statement.made_at,
        statement.received_at,
    )


def _id(statement: Label) -> UUID:
    """What was stated decides, not when it arrived."""
    parts = (
        statement.prediction.bytes,
        statement.finding.encode(),
        float(statement.value).hex().encode(),
        statement.source.encode(),
        statement.reader or b"",
        str(statement.made_at.timestamp()).encode(),
    )
    digest = sha256(b"".join(len(part).to_bytes(4) + part for part in parts)).digest()
    return UUID(int=int.from_bytes(digest[:16]) & ~FIXED_BITS | VERSION_8)
