"""At once: films that are all new are claimed, stored, counted and committed by one message to the server and one answer."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from psycopg import Cursor
from psycopg.errors import CheckViolation, UniqueViolation
from sqlalchemy import Connection

from service.domain import Prediction, Recorded
from service.store.aftermath import COUNT, MARK, ask_for_formers, books, named
from service.store.claims import keys_of
from service.store.columns import COLUMNS, TYPES, fields
from service.store.drivers import by_itself, driver_connection, driver_cursor, in_one_go
from service.store.outbox import Kind
from service.store.packed import packed

LARGEST: Final = 64
"""Films for which this is the fastest way; more are copied, which takes more messages and less time for each film."""

_AS_TEXT: Final = {"logits": "logits::float4[]", "flags": "string_to_array(flags, ',')"}
"""An array of arrays would be unnested to the last, so these come as text."""
_KINDS: Final = {name: "text" if name in _AS_TEXT else kind for name, kind in TYPES.items()}
_GIVEN: Final = ", ".join(f"%({name})b::{kind}[]" for name, kind in _KINDS.items())
_READ: Final = ", ".join(_AS_TEXT.get(name, name) for name in TYPES)
_WHEN: Final = "where (select count(*) from claimed) > 0"
"""All claims are made before anything else is locked: else two writers could wait in a circle."""
_SEALED: Final = f""",
sealed as (
    insert into sealed_headers (prediction, header)
    select told.* from unnest(%(sealed)b::uuid[], %(headers)b::bytea[]) as told {_WHEN})"""  # noqa: S608 - made of constants
_PUSHED: Final = f""",
pushed as (
    insert into outbox (id, kind, prediction, body, created_at, next_attempt_at)
    select prediction, '{Kind.REPORT}', prediction, '', now(), now() from unnest(%(pushed)b::uuid[]) as prediction {_WHEN})"""  # noqa: S608 - made of constants
# Where a key is taken, nothing is written. One that somebody else takes meanwhile is an error, as is a month without a partition.
# The keys are looked for one by one: a fresh table has no statistics, and would be read from end to end.
_WRITE: Final = f"""
with free as (
    select not exists (
        select from unnest(%(keys)b::bytea[]) as asked where exists (select from submissions where key = asked offset 0)) as so),
claimed as (
    insert into submissions (key, prediction, content, received_at)
    select asked.* from unnest(%(keys)b::bytea[], %(owners)b::uuid[], %(contents)b::bytea[], %(moments)b::timestamptz[]) as asked
    where (select so from free) returning key),
written as (
    insert into predictions ({COLUMNS}) select {_READ} from unnest({_GIVEN}) as given ({COLUMNS}) {_WHEN}),
counted as ({COUNT.format(when=_WHEN)}),
marked as ({MARK.format(when=_WHEN)}){{more}}
select so from free
"""  # noqa: S608 - made of the constants above
WRITE: Final = {
    (False, False): _WRITE.format(more=""),
    (True, False): _WRITE.format(more=_SEALED),
    (True, True): _WRITE.format(more=_SEALED + _PUSHED),
}
"""By whether something is sealed, and whether reports are pushed."""


def record_at_once(connection: Connection, predictions: Sequence[Prediction], process: UUID) -> list[Recorded] | None:
    """Store predictions in a transaction of their own, which is committed when this returns.

    Returns:
        One answer for each, in their order. None, and nothing is stored, where that takes a closer look: one of them came before, there or in
        this group, or the month is not there yet.
    """
    claims = sorted(((key, prediction) for prediction in predictions for key in keys_of(prediction)), key=itemgetter(0))
    if len({key for key, _ in claims}) < len(claims):
        return None
    films = [prediction for prediction in predictions if named(prediction)]
    driver = driver_connection(connection)
    with driver_cursor(connection) as cursor, driver_cursor(connection) as second:
        try:
            if films:
                with in_one_go(connection):
                    _write(cursor, predictions, claims, process)
                    ask_for_formers(second, films)
                    driver.commit()
            else:
                with by_itself(connection):
                    _write(cursor, predictions, claims, process)
        except (UniqueViolation, CheckViolation):
            driver.rollback()
            return None
        (stored,) = cursor.fetchone() or (False,)
        if not stored:
            return None
        formers = dict(second.fetchall()) if films else {}
    return [Recorded(prediction, replayed=False, revises=formers.get(prediction.id)) for prediction in predictions]


def _write(cursor: Cursor[Any], predictions: Sequence[Prediction], claims: Sequence[tuple[bytes, Prediction]], process: UUID) -> None:
    """Keys are claimed in their order, so that no two writers wait in a circle."""
    sealed = [(prediction.id, prediction.sealed) for prediction in predictions if prediction.sealed is not None]
    pushed = [identifier for identifier, one in sealed if one.push]
    columns = zip(*map(_spelled, predictions), strict=True)
    told = {
        "sealed": packed("uuid", [identifier for identifier, _ in sealed]),
        "headers": packed("bytea", [one.header for _, one in sealed]),
    }
    cursor.execute(
        WRITE[bool(sealed), bool(pushed)],
        {
            **{name: packed(kind, column) for (name, kind), column in zip(_KINDS.items(), columns, strict=True)},
            "keys": packed("bytea", [key for key, _ in claims]),
            "owners": packed("uuid", [owner.id for _, owner in claims]),
            "contents": packed("bytea", [owner.content for _, owner in claims]),
            "moments": packed("timestamptz", [owner.received_at for _, owner in claims]),
            **books(predictions, process),
            **(told if sealed else {}),
            **({"pushed": packed("uuid", pushed)} if pushed else {}),
        },
    )


LOGITS, FLAGS = (list(TYPES).index(name) for name in ("logits", "flags"))


def _spelled(prediction: Prediction) -> tuple[Any, ...]:
    """The row, its arrays as text."""
    row = fields(prediction)
    logits = "{" + ",".join(map(repr, row[LOGITS])) + "}"
    return (*row[:LOGITS], logits, *row[LOGITS + 1 : FLAGS], ",".join(row[FLAGS]), *row[FLAGS + 1 :])
