"""Drained: what a spool kept goes into the store, in order and exactly once, whoever drains it and however often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, update
from sqlalchemy.dialects.postgresql import insert

from service.domain import Prediction, Recorded, Refusal
from service.store.claims import keys_of
from service.store.drivers import driver_cursor
from service.store.erasures import erased_among
from service.store.predictions import record_batch
from service.store.refusals import record_refusals
from service.store.tables import aliases, spool_segments

OWNER = "select prediction from submissions where key = any(%b) limit 1"


@dataclass(frozen=True, slots=True)
class Drained:
    """How many became rows; had a row already; came second to the same film, or to other content; were refusals; name whom was erased."""

    stored: int = 0
    known: int = 0
    duplicate: int = 0
    conflict: int = 0
    refusal: int = 0
    erased: int = 0


def drain(connection: Connection, process: UUID, segment: int, entries: Sequence[tuple[int, Prediction | Refusal]]) -> Drained:
    """Store entries of a segment in the caller's transaction, each with the position of its end.

    How far the segment is drained is kept in the same transaction: what was committed without our hearing of it is passed over. An id that
    turns out to have come second leads to the first answer from now on, or says that it is in conflict with it.
    """
    done = _position(connection, process, segment)
    rest = [(end, entry) for end, entry in entries if end > done]
    if not rest:
        return Drained()
    answered = [entry for _, entry in rest if isinstance(entry, Prediction)]
    gone = erased_among(connection, [(one.pseudonyms, one.received_at) for one in answered])
    predictions = [one for one, erased in zip(answered, gone, strict=True) if not erased]
    refusals = [entry for _, entry in rest if isinstance(entry, Refusal)]
    answers = record_batch(connection, predictions, process)
    record_refusals(connection, refusals)
    second = [
        (prediction, answer)
        for prediction, answer in zip(predictions, answers, strict=True)
        if not isinstance(answer, Recorded) or answer.prediction.id != prediction.id
    ]
    for prediction, answer in second:
        _lead(connection, prediction, answer)
    stored = sum(isinstance(answer, Recorded) and not answer.replayed for answer in answers)
    conflicts = sum(not isinstance(answer, Recorded) for answer in answers)
    _advance(connection, (process, segment), rest[-1][0], predictions=len(answered), stored=stored)
    return Drained(stored, len(answers) - stored - len(second), len(second) - conflicts, conflicts, len(refusals), sum(gone))


def _position(connection: Connection, process: UUID, segment: int) -> int:
    """How far this segment is drained; whoever else drains it waits for our commit."""
    fresh = {"process": process, "segment": segment, "position": 0, "predictions": 0, "stored": 0}
    query = insert(spool_segments).values(fresh)
    query = query.on_conflict_do_update(index_elements=["process", "segment"], set_={"position": spool_segments.c.position})
    return connection.scalar(query.returning(spool_segments.c.position)) or 0


def _advance(connection: Connection, name: tuple[UUID, int], position: int, *, predictions: int, stored: int) -> None:
    columns = spool_segments.c
    connection.execute(
        update(spool_segments)
        .where(columns.process == name[0], columns.segment == name[1])
        .values(position=position, predictions=columns.predictions + predictions, stored=columns.stored + stored)
    )


def _lead(connection: Connection, prediction: Prediction, answer: Recorded | Exception) -> None:
    conflict = not isinstance(answer, Recorded)
    if isinstance(answer, Recorded):
        first = answer.prediction.id
    else:
        with driver_cursor(connection) as cursor:
            found = cursor.execute(OWNER, (list(keys_of(prediction)),)).fetchone()
        first = found[0] if found else prediction.id
    connection.execute(insert(aliases).values(id=prediction.id, prediction=first, conflict=conflict).on_conflict_do_nothing())
