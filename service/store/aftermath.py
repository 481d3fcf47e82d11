"""Aftermath: what follows from rows that were just stored, in one statement: stale hours, counts, and whom they take the place of.

Revisions. "Study complete" is only a quiet timer: a PACS may send a study again with a film under a new SOP Instance UID (processed anew,
flipped, its header mended) or with a repeat exposure. The rule:

- A film is of the same view as another when model version, study, ViewPosition, ImageLaterality and BodyPartExamined are all equal,
  and both say what their view is. Without a view nothing is taken for a revision: a study's unnamed frontal and lateral must both count.
- Of films of the same view of one study within 24 hours the latest received counts; each takes the place of the one just before it (`revises`).
  A repeat exposure is the same to us: the radiologist reads the last one too.
- Only predictions that count enter the tallies (service/store/rows.py asks that of the rows themselves, so the order in which rows
  arrive, from a spool say, does not matter). When a later film comes, the hour of the one it replaces is marked, and is tallied without it.
- Nothing is deleted: the earlier answer and its labels stay as they were given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Cursor

from service.domain import AttributeValue, Prediction
from service.store.documents import spelled
from service.store.ids import uuid7_floor
from service.store.partitions import hour_of, month_of

NOBODY: Final = UUID(int=0)
"""Who stored rows that no gateway answered: imports, tests, and what was there before the books began."""

SUCCESSION: Final = timedelta(hours=24)
"""How long after a film another one of the same view takes its place."""

LAST: Final = UUID(int=2**128 - 1)

VIEWS: Final = ("ViewPosition", "ImageLaterality", "BodyPartExamined")
SAME_VIEW: Final = " and ".join(
    f"later.attributes ->> '{name}' {'=' if name == VIEWS[0] else 'is not distinct from'} earlier.attributes ->> '{name}'" for name in VIEWS
)
"""Of two aliases of `predictions`; a view that is missing equals nothing."""

GIVEN: Final = """
given (id, model_version, study, since, view, laterality, body_part)
    as (select * from unnest(%b::uuid[], %b::int4[], %b::bytea[], %b::uuid[], %b::text[], %b::text[], %b::text[]))
"""
# `offset 0` keeps the search by study apart from the rest: a fresh table has no statistics, and any other way through it is slow.
FORMER: Final = """
former (later, earlier, model_version, received_at) as (
    select distinct on (given.id) given.id, earlier.id, earlier.model_version, earlier.received_at
    from given cross join lateral (
        select id, model_version, received_at, attributes from predictions where study = given.study and id >= %b offset 0) as earlier
    where earlier.model_version = given.model_version and earlier.id < given.id and earlier.id >= given.since
        and earlier.attributes ->> 'ViewPosition' = given.view
        and earlier.attributes ->> 'ImageLaterality' is not distinct from given.laterality
        and earlier.attributes ->> 'BodyPartExamined' is not distinct from given.body_part
    order by given.id, earlier.id desc)
"""
FORMERS: Final = f"with {GIVEN}, {FORMER} select later, earlier from former"  # noqa: S608 - made of the constants above
FOLLOW_UP: Final = f"""
with {GIVEN}, {FORMER},
counted as (
    insert into ledger_months (process, month, stored) select %b::uuid, * from unnest(%b::date[], %b::int8[])
    on conflict (process, month) do update set stored = ledger_months.stored + excluded.stored),
marked as (
    insert into tally_marks (model_version, hour)
    select * from unnest(%b::int4[], %b::timestamptz[])
    union select model_version, date_trunc('hour', received_at, 'UTC') from former)
select later, earlier from former
"""  # noqa: S608 - made of the constants above


def follow_up(cursor: Cursor[Any], predictions: Sequence[Prediction], process: UUID) -> dict[UUID, UUID]:
    """Mark the hours that these new rows make stale and count them for `process`; later -> earlier for those that are revisions."""
    months: dict[Any, int] = {}
    for prediction in predictions:
        month = month_of(prediction.received_at).date()
        months[month] = months.get(month, 0) + 1
    hours = sorted({(prediction.model_version, hour_of(prediction.received_at)) for prediction in predictions})
    counts = (process, list(months), list(months.values()))
    marks = ([version for version, _ in hours], [hour for _, hour in hours])
    return dict(cursor.execute(FOLLOW_UP, (*_given(predictions), *counts, *marks)).fetchall())


def formers_of(cursor: Cursor[Any], predictions: Sequence[Prediction]) -> dict[UUID, UUID]:
    """Which earlier prediction is replaced by which later one, for those of these stored predictions that are revisions."""
    return dict(cursor.execute(FORMERS, _given(predictions)).fetchall())


def _given(predictions: Sequence[Prediction]) -> tuple[Any, ...]:
    """The films that say of which view of which study they are, in columns; and the earliest id that any of them can follow."""
    named = [
        (row.id, row.model_version, row.pseudonyms.study, uuid7_floor(row.received_at - SUCCESSION), *views)
        for row in predictions
        if row.pseudonyms.study is not None and (views := tuple(_stored(row.attributes.get(name)) for name in VIEWS))[0] is not None
    ]
    if not named:
        return ([], [], [], [], [], [], [], LAST)
    return (*map(list, zip(*named, strict=True)), uuid7_floor(min(row.received_at for row in predictions) - SUCCESSION))


def _stored(value: AttributeValue) -> str | None:
    """A category as the row's document spells it."""
    return None if value is None else spelled(str(value))
