"""Predictions: each accepted film exactly once, however often, from wherever and at whatever moment it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
from psycopg import Cursor
from sqlalchemy import ARRAY, ColumnElement, Connection, Row, Uuid, any_, literal, select

from service.domain import Prediction, Pseudonyms, Recorded, Scores
from service.errors import ConflictError, UnknownPredictionError
from service.store.aftermath import NOBODY, follow_up, formers_of, hours_of, told
from service.store.at_once import LARGEST, record_at_once
from service.store.claims import Verdict, Wanted, ask, settle
from service.store.copied import COPY, END, START, lines_of
from service.store.drivers import driver_connection, driver_cursor, in_one_go
from service.store.ids import carries
from service.store.partitions import ask_for_months, make_months, month_of
from service.store.rows import Rows, rows_between
from service.store.sealed import store_sealed
from service.store.tables import aliases
from service.store.tables import predictions as table

__all__ = ["Rows", "find_prediction", "predictions_of", "record_alone", "record_batch", "rows_between", "versions_of"]

AHEAD = 2
"""Blocks of rows that are put together while the server looks at the claims."""
# A gateway that freezes in the middle must not hold its keys: the same film may be on its second way already, through another one.
BRIEFLY = "set local idle_in_transaction_session_timeout = '10s'"


def record_alone(connection: Connection, predictions: Sequence[Prediction], process: UUID = NOBODY) -> Sequence[Recorded | ConflictError]:
    """`record_batch`, in a transaction that nothing else is part of: where it can, this commits it, and the caller's commit has nothing to do."""
    check_ids(predictions)
    if 0 < len(predictions) <= LARGEST:
        answers = record_at_once(connection, predictions, process)
        if answers is not None:
            return answers
    return record_batch(connection, predictions, process, alone=True)


def record_batch(
    connection: Connection, predictions: Sequence[Prediction], process: UUID = NOBODY, *, alone: bool = False
) -> list[Recorded | ConflictError]:
    """Store a group of predictions in the caller's transaction, each once, and count them for the process that answered.

    The first prediction under a key is stored and its hour marked for the worker; a later one with the same content is
    answered with the first, one with other content with a ConflictError. That holds within the group, across processes
    and across restarts; a group that was committed without our hearing of it may be sent again.

    alone: nothing else is part of the transaction, so that it may be committed here, which saves a way to the server.

    Returns:
        One answer for each prediction, in their order.

    Raises:
        ValueError: The id of a prediction does not carry its time.
    """
    if not predictions:
        return []
    check_ids(predictions)
    wanted, months = Wanted(predictions), {month_of(hour) for _, hour in hours_of(predictions)}
    with driver_cursor(connection) as cursor, driver_cursor(connection) as calendar:
        with in_one_go(connection):
            cursor.execute(BRIEFLY)
            ask(cursor, wanted)
            ask_for_months(calendar, months)
            lines = lines_of(predictions)
            ready = list(islice(lines, AHEAD))
        verdicts = settle(cursor, predictions, wanted)
        make_months(connection, months, calendar.fetchall())
        new = [prediction for prediction, verdict in zip(predictions, verdicts, strict=True) if verdict.new]
        all_new = len(new) == len(predictions)
        rest = chain(ready, lines) if all_new else lines_of(new)
        formers = _store(connection, cursor, new, rest, process, commit=alone and all_new)
        earlier = _find(connection, [verdict.owner for verdict in verdicts if not verdict.new])
        if earlier:
            formers = {**formers, **formers_of(cursor, list(earlier.values()))}
    return [_answer(prediction, verdict, earlier, formers) for prediction, verdict in zip(predictions, verdicts, strict=True)]


def check_ids(predictions: Sequence[Prediction]) -> None:
    """Raise a ValueError where the id of a prediction does not carry its time."""
    if not all(carries(prediction.id, prediction.received_at) for prediction in predictions):
        raise ValueError("the id of a prediction must be a UUIDv7 of its received_at")


def find_prediction(connection: Connection, identifier: UUID) -> Prediction:
    """The prediction of this id.

    Raises:
        UnknownPredictionError: There is none.
        ConflictError: It was answered from the spool, and its key turned out to belong to other content.
    """
    first = first_of(connection, identifier)
    found = _find(connection, [first])
    if first not in found:
        raise UnknownPredictionError
    return found[first]


def first_of(connection: Connection, identifier: UUID) -> UUID:
    """The id of the first answer, where this one was given from the spool and came second; else the id itself.

    Raises:
        ConflictError: The first answer is that of other content.
    """
    alias = connection.execute(select(aliases.c.prediction, aliases.c.conflict).where(aliases.c.id == identifier)).one_or_none()
    if alias is None:
        return identifier
    if alias.conflict:
        raise ConflictError
    first: UUID = alias.prediction
    return first


def former_of(connection: Connection, prediction: Prediction) -> UUID | None:
    """The prediction that this one takes the place of, if any."""
    with driver_cursor(connection) as cursor:
        return formers_of(cursor, [prediction]).get(prediction.id)


def versions_of(connection: Connection, identifiers: Sequence[UUID]) -> dict[UUID, int]:
    """Prediction -> model version, for those of these ids that exist."""
    query = select(table.c.id, table.c.model_version).where(_among(identifiers))
    return {row.id: row.model_version for row in connection.execute(query)}


def predictions_of(connection: Connection, *, accession: bytes | None = None, instance: bytes | None = None) -> list[UUID]:
    """The predictions of an accession or of an instance, by pseudonym, earliest first; none where neither is given."""
    wanted = [column == value for column, value in ((table.c.accession, accession), (table.c.instance, instance)) if value is not None]
    return list(connection.scalars(select(table.c.id).where(*wanted).order_by(table.c.id))) if wanted else []


def _store(
    connection: Connection, cursor: Cursor[Any], predictions: Sequence[Prediction], lines: Iterable[bytes], process: UUID, *, commit: bool
) -> dict[UUID, UUID]:
    """The rows, and all that follows from them; says which earlier prediction each of them takes the place of."""
    if not predictions:
        return {}
    with cursor.copy(COPY) as copy:
        copy.write(START)
        for block in lines:
            copy.write(block)
        copy.write(END)
        news = told(predictions, process)  # the server still writes meanwhile
    store_sealed(cursor, predictions)
    with in_one_go(connection):
        follow_up(cursor, news)
        if commit:
            driver_connection(connection).commit()
    return dict(cursor.fetchall())


def _answer(
    prediction: Prediction, verdict: Verdict, earlier: Mapping[UUID, Prediction], formers: Mapping[UUID, UUID]
) -> Recorded | ConflictError:
    if not verdict.same or (not verdict.new and verdict.owner not in earlier):
        return ConflictError()
    first = prediction if verdict.new else earlier[verdict.owner]
    return Recorded(first, replayed=not verdict.new, revises=formers.get(first.id))


def _find(connection: Connection, identifiers: Sequence[UUID]) -> dict[UUID, Prediction]:
    if not identifiers:
        return {}
    rows = connection.execute(select(table).where(_among(identifiers)))
    return {row.id: prediction_of(row) for row in rows}


def _among(identifiers: Sequence[UUID]) -> ColumnElement[bool]:
    """One array is one parameter, however many ids a file of labels names."""
    return table.c.id == any_(literal(list(identifiers), ARRAY(Uuid)))


def prediction_of(row: Row[Any] | SimpleNamespace) -> Prediction:
    """The prediction that a row holds, by the names of its columns."""
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
        flags=tuple(row.flags or ()),
        ood_distance=row.ood_distance,
    )
