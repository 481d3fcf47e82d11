"""Erase: every row about a study, a patient or an accession, by pseudonym, in one transaction.

What was tallied stays: sums name nobody. An hour that is tallied again for another reason counts without the erased films. The
idempotency keys go too, since they are made from the film: the same film sent afterwards is a new one and is recorded as such.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Connection, LargeBinary, Table, Uuid, any_, delete, func, literal, or_, select, text

from service.access import Act, Deed
from service.domain import Prediction
from service.store.archived import bury
from service.store.audit import append
from service.store.drivers import driver_cursor
from service.store.erasures import LOCK, Named, erased_among, note_erasure
from service.store.ids import time_of, uuid7_floor
from service.store.locks import hold_until_commit
from service.store.partitions import month_of
from service.store.tables import metadata, predictions

__all__ = ["Erased", "Named", "count", "erase", "sweep", "sweep_late"]

ERASED: Final = UUID(int=1)
"""The account on which the books take off what was erased: no gateway's own counts change."""
TAKE_OFF: Final = """
insert into ledger_months (process, month, stored) select %b::uuid, * from unnest(%b::date[], %b::int8[])
on conflict (process, month) do update set stored = ledger_months.stored + excluded.stored
"""


ON_ITS_WAY: Final = timedelta(minutes=10)
"""Longer than any request is in work: its bytes arrive, it waits for a place, for the model, for its commit."""
RECENT: Final = "select at, mark from erasures where at >= %s"
_MEANT: Final = " or ".join(f"sha256('erased {named} '::bytea || {named}) = given.mark" for named in Named)
LATE: Final = f"""
with given as (select %b::uuid as low, %b::uuid as high, %b::bytea as mark)
select id from predictions, given where id >= given.low and id <= given.high and ({_MEANT}) for update of predictions
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Erased:
    """Rows that went, by table; a table without any is not named."""

    rows: Mapping[str, int]


def erase(connection: Connection, named: Named, pseudonym: bytes, *, at: datetime, actor: str) -> Erased:
    """Remove the predictions of whoever has this pseudonym and all that hangs on them. The audit log keeps that it was done, not to whom.

    Films that wait in an inbox or a spool for their turn are meant too (`erased_among`), and those that are being answered at this very
    moment (`sweep_late`). Safe to repeat, and while gateways run.
    """
    connection.execute(text("set local statement_timeout = 0"))
    hold_until_commit(connection, LOCK)
    note_erasure(connection, named, pseudonym, at)
    rows = remove(connection, _predictions(connection, named, pseudonym), {named: pseudonym})
    bury(connection, named, pseudonym, at)
    append(connection, Act(at, actor, Deed.ERASED, named, dict(rows)))
    return Erased(rows)


def remove(connection: Connection, identifiers: list[UUID], pseudonyms: Mapping[str, bytes]) -> dict[str, int]:
    """Remove these predictions and all that hangs on them or has one of the pseudonyms; rows by table. The books know that they are gone."""
    rows = dict(_removed(connection, pseudonyms, identifiers))
    months = Counter(month_of(time_of(identifier)).date() for identifier in identifiers)
    if months:
        with driver_cursor(connection) as cursor:
            cursor.execute(TAKE_OFF, (ERASED, list(months), [-count for count in months.values()]))
    return rows


def sweep(connection: Connection, prediction: Prediction) -> bool:
    """Remove a prediction again that was recorded after the erasure of whom it names; whether it was."""
    (erased,) = erased_among(connection, [(prediction.pseudonyms, prediction.received_at)])
    if erased:
        remove(connection, [prediction.id] if _is_stored(connection, prediction.id) else [], {})
    return erased


def sweep_late(connection: Connection, since: datetime) -> int:
    """Remove what was being answered while whom it names was erased, for erasures since that moment; how many predictions these were.

    A gateway does not ask before each record whether somebody is being erased: it would have to wait for the erasure. Such a film carries its
    time of receipt, which lies before the erasure and by no more than a request takes.
    """
    with driver_cursor(connection) as cursor:
        recent = cursor.execute(RECENT, (since,)).fetchall()
        late = [
            row for at, mark in recent for row in cursor.execute(LATE, (uuid7_floor(at - ON_ITS_WAY), uuid7_floor(at), mark)).fetchall()
        ]
    remove(connection, sorted({identifier for (identifier,) in late}), {})
    return len({identifier for (identifier,) in late})


def count(connection: Connection, named: Named, pseudonym: bytes) -> int:
    """How many predictions `erase` would remove."""
    return connection.scalar(select(func.count()).select_from(predictions).where(predictions.c[named] == pseudonym)) or 0


def _predictions(connection: Connection, named: Named, pseudonym: bytes) -> list[UUID]:
    return list(connection.scalars(select(predictions.c.id).where(predictions.c[named] == pseudonym).with_for_update()))


def _is_stored(connection: Connection, identifier: UUID) -> bool:
    return connection.scalar(select(predictions.c.id).where(predictions.c.id == identifier).with_for_update()) is not None


def _removed(connection: Connection, pseudonyms: Mapping[str, bytes], identifiers: list[UUID]) -> Iterator[tuple[str, int]]:
    """Every table with a column `prediction`, or a pseudonym of its own; a new one that keeps to these names is cleaned too."""
    for table in sorted(metadata.tables.values(), key=lambda table: table is predictions):
        mine = list(_conditions(table, pseudonyms, identifiers))
        if mine and (removed := connection.execute(delete(table).where(or_(*mine))).rowcount):
            yield table.name, removed


def _conditions(table: Table, pseudonyms: Mapping[str, bytes], identifiers: list[UUID]) -> Iterator[ColumnElement[bool]]:
    if table is predictions:
        yield table.c.id == any_(literal(identifiers, ARRAY(Uuid)))
        return
    if "prediction" in table.c and isinstance(table.c.prediction.type, Uuid):
        yield table.c.prediction == any_(literal(identifiers, ARRAY(Uuid)))
    for name, pseudonym in pseudonyms.items():
        if name in table.c and isinstance(table.c[name].type, LargeBinary):
            yield table.c[name] == pseudonym
