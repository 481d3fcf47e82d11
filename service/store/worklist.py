"""Worklist: films that nobody has read, and those that were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Uuid, any_, exists, func, insert, literal, select

from service.domain import AttributeValue
from service.errors import UnknownPredictionError
from service.store.drivers import driver_cursor
from service.store.ids import uuid7_floor
from service.store.label_tables import labels
from service.store.tables import asked_reads as table

# A random part of the films where there are too many to look at; which, is the seed's choice.
FRAME = """
select id, received_at, site, attributes, logits, count(*) over () from predictions
where model_version = %(version)s and id >= %(low)s and id < %(high)s and (attributes = '{}') = any(%(doors)s)
    and not exists (select from labels where labels.prediction = predictions.id)
    and not exists (select from asked_reads where asked_reads.prediction = predictions.id)
order by md5(id::text || %(seed)s::text) limit %(most)s
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A film that nobody has read."""

    id: UUID
    received_at: datetime
    site: str
    attributes: Mapping[str, AttributeValue]
    logits: Sequence[float]


@dataclass(frozen=True, slots=True)
class Asked:
    """A film that somebody was asked to read, and with which probability it was drawn. reason: floor, doubt or alarm."""

    prediction: UUID
    probability: float
    reason: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Films that nobody has read; all: how many there are, of which `films` are a random part."""

    films: tuple[Candidate, ...]
    all: int


def unread(connection: Connection, version: int, since: datetime, until: datetime, *, doors: Sequence[bool], seed: int, most: int) -> Frame:
    """The films received in [since, until) about which nobody has said anything, and that nobody was asked to read."""
    question = {"version": version, "low": uuid7_floor(since), "high": uuid7_floor(until), "doors": list(doors), "seed": seed, "most": most}
    with driver_cursor(connection, binary=True) as cursor:
        rows = cursor.execute(FRAME, question).fetchall()
    return Frame(tuple(Candidate(*row[:-1]) for row in rows), rows[0][-1] if rows else 0)


def asked_by(connection: Connection, version: int, seed: int) -> list[Asked]:
    """What was asked for under this seed, in the order of the films."""
    query = select(table.c.prediction, table.c.probability, table.c.reason).where(table.c.model_version == version, table.c.seed == seed)
    return [Asked(*row) for row in connection.execute(query.order_by(table.c.prediction))]


def asked_for(connection: Connection, prediction: UUID) -> tuple[int, int]:
    """The model version and the seed under which a film was drawn.

    Raises:
        UnknownPredictionError: It never was.
    """
    row = connection.execute(select(table.c.model_version, table.c.seed).where(table.c.prediction == prediction)).one_or_none()
    if row is None:
        raise UnknownPredictionError
    return row.model_version, row.seed


@dataclass(frozen=True, slots=True)
class Drawn:
    """A list that was drawn under a seed, and how far its films are read."""

    seed: int
    asked_at: datetime
    films: int
    read: int


def drawn_of(connection: Connection, version: int, most: int) -> list[Drawn]:
    """The lists of a version, the latest first."""
    answered = exists().where(labels.c.prediction == table.c.prediction, labels.c.asked)
    columns = (table.c.seed, func.max(table.c.asked_at), func.count(), func.count().filter(answered))
    query = select(*columns).where(table.c.model_version == version).group_by(table.c.seed)
    return [Drawn(*row) for row in connection.execute(query.order_by(func.max(table.c.asked_at).desc(), table.c.seed).limit(most))]


def read_among(connection: Connection, predictions: Sequence[UUID]) -> set[UUID]:
    """Those of these films about which somebody who was asked has said something."""
    query = select(labels.c.prediction).where(labels.c.prediction == any_(literal(list(predictions), ARRAY(Uuid))), labels.c.asked)
    return set(connection.scalars(query))


def ask(connection: Connection, version: int, seed: int, films: Sequence[Asked], at: datetime) -> None:
    """Write down what is asked for."""
    rows = [
        {
            "prediction": film.prediction,
            "model_version": version,
            "probability": film.probability,
            "reason": film.reason,
            "seed": seed,
            "asked_at": at,
        }
        for film in films
    ]
    if rows:
        connection.execute(insert(table), rows)
