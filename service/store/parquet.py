"""Parquet: one day of a model version as two files, and back as the rows that the statistics read.

`predictions` holds every column of every row, and beside them what makes it count: whether it does, and the labels that are in force, as
rows.py gives them. So what is tallied from a file is what was tallied from the store. `labels` holds every statement ever made.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Uuid, select
from sqlalchemy.dialects.postgresql import JSONB

from service.store.ids import uuid7_floor
from service.store.rows import BOTH, TIERS, Door, Rows, embedded, patient_numbers, rows_between
from service.store.spans import span_of
from service.store.tables import labels, predictions

EFFECTIVE: Final = "effective/"
COUNTS: Final = "counts"
AT_ONCE: Final = 1000
STORED: Final = ("ids", "received_at", "sites", "attributes", "statistics", "flags", "logits", "embedding", "patients")
"""Fields of Rows that are columns of the store; the others are in force on the day of writing, and have a column of their own."""

Table = Any
"""pyarrow.Table; pyarrow is an extra, and imported when it is needed."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What makes rows count: the findings of a model, and the tiers of statements that its plan trusts."""

    findings: Sequence[str]
    tiers: Sequence[str] = TIERS


def read_day(connection: Connection, model_version: int, day: date, reading: Reading) -> dict[str, Table]:
    """The files of a day as tables, from the store. The connection should read one snapshot."""
    since, until = span_of(day)
    low, high = uuid7_floor(since), uuid7_floor(until)
    mine = select(predictions).where(predictions.c.model_version == model_version, predictions.c.id >= low, predictions.c.id < high)
    rows = connection.execute(mine.order_by(predictions.c.id)).all()
    stated = select(labels).where(labels.c.model_version == model_version, labels.c.prediction >= low, labels.c.prediction < high)
    statements = connection.execute(stated.order_by(labels.c.id)).all()
    counted = rows_between(connection, model_version, since, until, reading.findings, tiers=reading.tiers)
    found = _table(predictions.c, rows)
    for name, column in _effective([row.id for row in rows], counted).items():
        found = found.append_column(name, column)
    return {"predictions": found, "labels": _table(labels.c, statements)}


def rows_of(table: Table, findings: Sequence[str], doors: Sequence[Door] = BOTH, erased: Mapping[str, set[bytes]] | None = None) -> Rows:
    """The predictions of a day that count, as `rows_between` gave them; without those of a pseudonym that is erased."""
    attributes = [json.loads(text) for text in table["attributes"].to_pylist()]
    taken = np.array(table[COUNTS].to_pylist(), dtype=bool)
    taken &= np.array([Door(not one) in doors for one in attributes], dtype=bool)
    taken &= ~lies_in(table, erased or {})
    kept = np.flatnonzero(taken)
    part = table.take(kept)
    further = dict(_matrix(part, name, len(findings)) for name in part.column_names if name.startswith(EFFECTIVE))
    return Rows(
        ids=tuple(UUID(bytes=one) for one in part["id"].to_pylist()),
        received_at=tuple(part["received_at"].to_pylist()),
        sites=tuple(part["site"].to_pylist()),
        attributes=tuple(attributes[place] for place in kept),
        statistics=tuple(json.loads(text) for text in part["statistics"].to_pylist()),
        flags=tuple(tuple(one) for one in part["flags"].to_pylist()),
        logits=np.array(part["logits"].to_pylist(), dtype=np.float32).reshape(len(kept), len(findings)),
        embedding=embedded(part["embedding"].to_pylist()),
        patients=patient_numbers(part["patient"].to_pylist()),
        **further,
    )


def lies_in(table: Table, pseudonyms: Mapping[str, set[bytes]]) -> NDArray[np.bool_]:
    """Which rows have one of these pseudonyms: column (patient, study, accession) -> its values."""
    found = np.zeros(len(table), dtype=bool)
    for column, values in pseudonyms.items():
        found |= np.array([one in values for one in table[column].to_pylist()], dtype=bool)
    return found


def written(table: Table) -> bytes:
    """The bytes of a file; the same table gives the same ones."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - an extra

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", write_statistics=True)
    return sink.getvalue()


def opened(content: bytes, columns: Sequence[str] | None = None) -> Table:
    """Undo `written`."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - an extra

    return pq.read_table(io.BytesIO(content), columns=None if columns is None else list(columns))


def content_of(tables: Mapping[str, Table]) -> bytes:
    """SHA-256 of what the tables say, column by column, whatever wrote them."""
    digest = hashlib.sha256()
    for name, table in sorted(tables.items()):
        for column in table.column_names:
            digest.update(f"{name}/{column}/{len(table)}".encode())
            for start in range(0, len(table), AT_ONCE):
                digest.update(repr(table[column].slice(start, AT_ONCE).to_pylist()).encode())
    return digest.digest()


def _table(columns: Any, rows: Sequence[Any]) -> Table:  # noqa: ANN401 - SQLAlchemy's own type of columns is as wide
    import pyarrow as pa  # noqa: PLC0415 - an extra

    def plain(kind: Any, value: Any) -> Any:  # noqa: ANN401 - any column of the store
        if isinstance(kind, JSONB):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return value.bytes if isinstance(kind, Uuid) and value is not None else value

    return pa.table(
        {
            column.name: pa.array([plain(column.type, getattr(row, column.name)) for row in rows], type=_kind(column.type))
            for column in columns
        }
    )


def _kind(kind: Any) -> Any:  # noqa: ANN401 - types of two libraries without stubs
    import pyarrow as pa  # noqa: PLC0415 - an extra

    kinds = {
        "uuid": pa.binary(16),
        "large_binary": pa.binary(),
        "JSONB": pa.string(),
        "text": pa.string(),
        "integer": pa.int32(),
        "big_integer": pa.int64(),
        "boolean": pa.bool_(),
        "REAL": pa.float32(),
        "double": pa.float64(),
        "datetime": pa.timestamp("us", "UTC"),
    }
    return pa.list_(_kind(kind.item_type)) if kind.__visit_name__ == "ARRAY" else kinds[kind.__visit_name__]


def _effective(ids: Sequence[UUID], counted: Rows) -> dict[str, Any]:
    import pyarrow as pa  # noqa: PLC0415 - an extra

    place = {one: number for number, one in enumerate(counted.ids)}
    columns = {COUNTS: pa.array([one in place for one in ids], type=pa.bool_())}
    for field in fields(Rows):
        if field.name in STORED:
            continue
        matrix = getattr(counted, field.name)
        depth = "/".join(map(str, matrix.shape[2:]))
        values = [matrix[place[one]].ravel().tolist() if one in place else None for one in ids]
        columns[f"{EFFECTIVE}{field.name}/{depth}"] = pa.array(values, type=pa.list_(pa.from_numpy_dtype(matrix.dtype)))
    return columns


def _matrix(part: Table, name: str, width: int) -> tuple[str, NDArray[Any]]:
    """Undo `_effective`: the name of the field, and its values [n, findings, depth...]."""
    field, *depth = name.removeprefix(EFFECTIVE).rstrip("/").split("/")
    column = part[name]
    values = np.array(column.to_pylist(), dtype=column.type.value_type.to_pandas_dtype())
    return field, values.reshape(len(column), width, *map(int, depth))
