"""Erase: every row about a study, a patient or an accession, by pseudonym, in one transaction.

What was tallied stays: sums name nobody. An hour that is tallied again for another reason counts without the erased films. The
idempotency keys go too, since they are made from the film: the same film sent afterwards is a new one and is recorded as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Connection, LargeBinary, Table, Uuid, any_, delete, func, literal, or_, select, text

from service.access import Act, Deed
from service.store.audit import append
from service.store.tables import metadata, predictions


class Named(StrEnum):
    """What can be erased."""

    STUDY = "study"
    PATIENT = "patient"
    ACCESSION = "accession"


@dataclass(frozen=True, slots=True)
class Erased:
    """Rows that went, by table; a table without any is not named."""

    rows: Mapping[str, int]


def erase(connection: Connection, named: Named, pseudonym: bytes, *, at: datetime, actor: str) -> Erased:
    """Remove the predictions of whoever has this pseudonym and all that hangs on them. The audit log keeps that it was done, not to whom.

    Safe to repeat, and while gateways run: a film that is recorded a moment later needs another call.
    """
    connection.execute(text("set local statement_timeout = 0"))
    identifiers = _predictions(connection, named, pseudonym)
    rows = dict(_removed(connection, named, pseudonym, identifiers))
    append(connection, Act(at, actor, Deed.ERASED, named, dict(rows)))
    return Erased(rows)


def count(connection: Connection, named: Named, pseudonym: bytes) -> int:
    """How many predictions `erase` would remove."""
    return connection.scalar(select(func.count()).select_from(predictions).where(predictions.c[named] == pseudonym)) or 0


def _predictions(connection: Connection, named: Named, pseudonym: bytes) -> list[UUID]:
    return list(connection.scalars(select(predictions.c.id).where(predictions.c[named] == pseudonym).with_for_update()))


def _removed(connection: Connection, named: Named, pseudonym: bytes, identifiers: list[UUID]) -> Iterator[tuple[str, int]]:
    """Every table with a column `prediction`, or a pseudonym of its own; a new one that keeps to these names is cleaned too."""
    for table in sorted(metadata.tables.values(), key=lambda table: table is predictions):
        mine = list(_conditions(table, named, pseudonym, identifiers))
        if mine and (removed := connection.execute(delete(table).where(or_(*mine))).rowcount):
            yield table.name, removed


def _conditions(table: Table, named: Named, pseudonym: bytes, identifiers: list[UUID]) -> Iterator[ColumnElement[bool]]:
    if table is predictions:
        yield table.c.id == any_(literal(identifiers, ARRAY(Uuid)))
        return
    if "prediction" in table.c and isinstance(table.c.prediction.type, Uuid):
        yield table.c.prediction == any_(literal(identifiers, ARRAY(Uuid)))
    if named in table.c and isinstance(table.c[named].type, LargeBinary):
        yield table.c[named] == pseudonym
