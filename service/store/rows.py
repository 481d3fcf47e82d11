"""Rows: the predictions of a stretch of time, in columns, as the statistics read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from service.domain import AttributeValue, Tier
from service.store.aftermath import SAME_VIEW, SUCCESSION
from service.store.drivers import driver_cursor
from service.store.ids import uuid7_floor
from service.store.resolution import Stretch, truth_of

# A film whose view was taken again within a day counts no more: service/store/aftermath.py has the rule. `offset 0` makes it one look
# into the index of studies for each row: a table without statistics would be joined in the slowest way there is.
COUNTED = f"""
    select id, received_at, site, attributes, statistics, flags, logits, embedding, patient from predictions as earlier
    where model_version = %s and id >= %s and id < %s and (attributes = '{{}}') = any(%s) and not exists (
        select from (
            select model_version, received_at, attributes from predictions
            where study = earlier.study and id > earlier.id and id >= %s and id < %s offset 0) as later
        where later.model_version = earlier.model_version
            and later.received_at <= earlier.received_at + interval '24 hours' and {SAME_VIEW})
"""  # noqa: S608 - made of a constant
ROWS = f"{COUNTED} order by id"
PICKED = f"{COUNTED} and id = any(%s) order by id"
# Of each patient one film: several films of one are no independent witnesses. Who names no patient is told apart by study, or not at all.
DRAWN = """
    select id from (
        select distinct on (coalesce(patient, study, uuid_send(id))) id, md5(id::text || %s) as place from predictions
        where model_version = %s and id >= %s and id < %s and (attributes = '{}') = any(%s)
        order by coalesce(patient, study, uuid_send(id)), place) as one_each
    order by place limit %s
"""
# A film always says what it does not say: each attribute has its name. A tensor has none at all.
DOORS = """
    select attributes = '{}', count(*) from predictions
    where model_version = %s and id >= %s and id < %s group by 1
"""
TIERS = tuple(Tier)
"""Those that count, most trusted first, where a plan says nothing else."""


class Door(IntEnum):
    """How predictions came: as films, or as the model's own input, of which nothing is known but scores and embedding."""

    FILM = 0
    TENSOR = 1


BOTH = (Door.FILM, Door.TENSOR)


@dataclass(frozen=True, slots=True)
class Rows:
    """n predictions in the order they came. logits [n, F], labels [n, F] (NaN: unlabelled), embedding [n, d] (d may be 0).

    weights, delays [n, F], pairs [n, F, 3]: see resolution.py.
    patients: a number made of each patient's pseudonym, -1 where the film names none [n].
    """

    ids: tuple[UUID, ...]
    received_at: tuple[datetime, ...]
    sites: tuple[str, ...]
    attributes: tuple[Mapping[str, AttributeValue], ...]
    statistics: tuple[Mapping[str, float], ...]
    flags: tuple[tuple[str, ...], ...]
    logits: NDArray[np.float32]
    embedding: NDArray[np.float32]
    labels: NDArray[np.float64]
    weights: NDArray[np.float64]
    delays: NDArray[np.float64]
    pairs: NDArray[np.int64]
    patients: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, chosen: NDArray[np.bool_]) -> Rows:
        """Some of the rows."""
        places = np.flatnonzero(chosen).tolist()
        picked: dict[str, Any] = {}
        for column in fields(self):
            values = getattr(self, column.name)
            picked[column.name] = tuple(values[place] for place in places) if isinstance(values, tuple) else values[places]
        return Rows(**picked)


def doors_between(connection: Connection, model_version: int, since: datetime, until: datetime) -> Mapping[Door, int]:
    """How many predictions of a model version received in [since, until) came by each door."""
    with driver_cursor(connection) as cursor:
        found = cursor.execute(DOORS, (model_version, uuid7_floor(since), uuid7_floor(until))).fetchall()
    return {Door(door): count for door, count in found}


def drawn_ids(
    connection: Connection, model_version: int, since: datetime, until: datetime, *, doors: Sequence[Door], seed: int, most: int
) -> list[UUID]:
    """Up to `most` predictions received in [since, until), in an order drawn by `seed`, of each patient one; the same rows give the same order."""
    stretch = (model_version, uuid7_floor(since), uuid7_floor(until))
    with driver_cursor(connection) as cursor:
        cursor.execute("set local statement_timeout = 0")
        return [one for (one,) in cursor.execute(DRAWN, (str(seed), *stretch, [bool(door) for door in doors], most)).fetchall()]


def rows_between(
    connection: Connection,
    model_version: int,
    since: datetime,
    until: datetime,
    findings: Sequence[str],
    *,
    doors: Sequence[Door] = BOTH,
    tiers: Sequence[str] = TIERS,
    among: Sequence[UUID] | None = None,
) -> Rows:
    """The predictions received in [since, until) by these doors that count, each with what its readers' statements make of each finding.

    among: only these of them; None: all.
    """
    low, high = uuid7_floor(since), uuid7_floor(until)
    successors = (low, uuid7_floor(until + SUCCESSION))
    picked = () if among is None else (list(among),)
    with driver_cursor(connection, binary=True) as cursor:
        question = (model_version, low, high, [bool(door) for door in doors], *successors, *picked)
        rows = cursor.execute(ROWS if among is None else PICKED, question).fetchall()
        ids, received, sites, attributes, statistics, flags, logits, embeddings, patients = zip(*rows, strict=True) if rows else ((),) * 9
        stretch = Stretch(model_version, low, high, None if among is None else tuple(among))
        truth = truth_of(cursor, stretch, dict(zip(ids, received, strict=True)), findings=findings, tiers=tiers)
    return Rows(
        ids=tuple(ids),
        received_at=tuple(received),
        sites=tuple(sites),
        attributes=tuple(attributes),
        statistics=tuple(statistics),
        flags=tuple(map(tuple, flags)),
        logits=np.array(logits, dtype=np.float32).reshape(len(rows), len(findings)),
        embedding=embedded(embeddings),
        labels=truth.labels,
        weights=truth.weights,
        delays=truth.delays,
        pairs=truth.pairs,
        patients=patient_numbers(patients),
    )


def patient_numbers(pseudonyms: Sequence[bytes | None]) -> NDArray[np.int64]:
    """A number made of each pseudonym, -1 where there is none."""
    numbers = (-1 if one is None else int.from_bytes(one[:8], "big") >> 1 for one in pseudonyms)
    return np.fromiter(numbers, dtype=np.int64, count=len(pseudonyms))


def embedded(stored: Sequence[bytes | None]) -> NDArray[np.float32]:
    """Embeddings as they are stored, in half precision, as a matrix. A film without an embedding among others that have one is a row of NaN."""
    size = max((len(one) for one in stored if one), default=0) // 2
    matrix = np.full((len(stored), size), np.nan, dtype=np.float32)
    for row, one in zip(matrix, stored, strict=True):
        if one:
            row[:] = np.frombuffer(one, dtype="<f2")
    return matrix
