"""Rows: the predictions of a stretch of time, in columns, as the statistics read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from service.domain import AttributeValue
from service.store.aftermath import SAME_VIEW, SUCCESSION
from service.store.drivers import driver_cursor
from service.store.ids import uuid7_floor

# A film whose view was taken again within a day counts no more: service/store/aftermath.py has the rule. `offset 0` makes it one look
# into the index of studies for each row: a table without statistics would be joined in the slowest way there is.
COUNTED = f"""
    select id, received_at, site, attributes, statistics, flags, logits, embedding from predictions as earlier
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
# The statement that counts is the one made last; of two made at once, the one that came last.
LATEST = """
    select distinct on (prediction, finding) prediction, finding, value from labels
    where model_version = %s and prediction >= %s and prediction < %s{condition}
    order by prediction, finding, made_at desc, received_at desc, id desc
"""
LABELS, LABELS_PICKED = LATEST.format(condition=""), LATEST.format(condition=" and prediction = any(%s)")


class Door(IntEnum):
    """How predictions came: as films, or as the model's own input, of which nothing is known but scores and embedding."""

    FILM = 0
    TENSOR = 1


BOTH = (Door.FILM, Door.TENSOR)


@dataclass(frozen=True, slots=True)
class Rows:
    """n predictions in the order they came. logits [n, F], labels [n, F] (NaN: unlabelled), embedding [n, d] (d may be 0)."""

    ids: tuple[UUID, ...]
    received_at: tuple[datetime, ...]
    sites: tuple[str, ...]
    attributes: tuple[Mapping[str, AttributeValue], ...]
    statistics: tuple[Mapping[str, float], ...]
    flags: tuple[tuple[str, ...], ...]
    logits: NDArray[np.float32]
    embedding: NDArray[np.float32]
    labels: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)


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
    among: Sequence[UUID] | None = None,
) -> Rows:
    """The predictions received in [since, until) by these doors that count, each with the latest statement on each finding.

    among: only these of them; None: all.
    """
    stretch = (model_version, uuid7_floor(since), uuid7_floor(until))
    successors = (uuid7_floor(since), uuid7_floor(until + SUCCESSION))
    asked, labelled = (ROWS, LABELS) if among is None else (PICKED, LABELS_PICKED)
    picked = () if among is None else (list(among),)
    with driver_cursor(connection, binary=True) as cursor:
        rows = cursor.execute(asked, (*stretch, [bool(door) for door in doors], *successors, *picked)).fetchall()
        statements = cursor.execute(labelled, (*stretch, *picked)).fetchall() if rows else []
    ids, received, sites, attributes, statistics, flags, logits, embeddings = zip(*rows, strict=True) if rows else ((),) * 8
    return Rows(
        ids=tuple(ids),
        received_at=tuple(received),
        sites=tuple(sites),
        attributes=tuple(attributes),
        statistics=tuple(statistics),
        flags=tuple(map(tuple, flags)),
        logits=np.array(logits, dtype=np.float32).reshape(len(rows), len(findings)),
        embedding=_embedding(embeddings),
        labels=_labels(ids, findings, statements),
    )


def _embedding(stored: Sequence[bytes | None]) -> NDArray[np.float32]:
    """A film without an embedding among others that have one is a row of NaN."""
    size = max((len(one) for one in stored if one), default=0) // 2
    matrix = np.full((len(stored), size), np.nan, dtype=np.float32)
    for row, one in zip(matrix, stored, strict=True):
        if one:
            row[:] = np.frombuffer(one, dtype="<f2")
    return matrix


def _labels(ids: Sequence[UUID], findings: Sequence[str], statements: Sequence[tuple[UUID, str, float]]) -> NDArray[np.float64]:
    labels = np.full((len(ids), len(findings)), np.nan)
    place, column = {one: row for row, one in enumerate(ids)}, {name: index for index, name in enumerate(findings)}
    for prediction, finding, value in statements:
        if prediction in place and finding in column:
            labels[place[prediction], column[finding]] = value
    return labels
