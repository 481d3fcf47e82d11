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

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Cursor

from service.domain import Prediction
from service.store.documents import spelled
from service.store.ids import EPOCH, floor_before, hour_number
from service.store.packed import packed
from service.store.partitions import month_of

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

GIVEN_COLUMNS: Final = {
    "id": "uuid",
    "model_version": "int4",
    "study": "bytea",
    "since": "uuid",
    "view": "text",
    "laterality": "text",
    "body_part": "text",
}
SINCE: Final = list(GIVEN_COLUMNS).index("since")
GIVEN: Final = f"""
given as (
    select * from unnest({", ".join(f"%(film_{name})b::{kind}[]" for name, kind in GIVEN_COLUMNS.items())})
        as films ({", ".join(GIVEN_COLUMNS)}) {{when}})
"""  # noqa: S608 - made of constants
# The films of a study are walked through from the latest on, by their index and no further than needed; `offset 0` keeps that apart from the
# rest: a fresh table has no statistics, and any other way through it is slow.
FORMER: Final = """
former (later, earlier, model_version, received_at) as (
    select given.id, earlier.id, earlier.model_version, earlier.received_at
    from given cross join lateral (
        select * from (
            select id, model_version, received_at, attributes from predictions
            where study = given.study and id >= %(earliest)b and id < given.id order by id desc offset 0) as before
        where before.model_version = given.model_version and before.id >= given.since
            and before.attributes ->> 'ViewPosition' = given.view
            and before.attributes ->> 'ImageLaterality' is not distinct from given.laterality
            and before.attributes ->> 'BodyPartExamined' is not distinct from given.body_part
        order by id desc limit 1) as earlier)
"""
FORMERS: Final = f"with {GIVEN.format(when='')}, {FORMER} select later, earlier from former"  # noqa: S608 - made of the constants above
COUNT: Final = """
    insert into ledger_months (process, month, stored)
    select %(process)b::uuid, counts.* from unnest(%(months)b::date[], %(counts)b::int8[]) as counts {when}
    on conflict (process, month) do update set stored = ledger_months.stored + excluded.stored
"""
MARK: Final = """
    insert into tally_marks (model_version, hour) select marks.* from unnest(%(versions)b::int4[], %(hours)b::timestamptz[]) as marks {when}
"""
MARK_FORMER: Final = (
    "insert into tally_marks (model_version, hour) select model_version, date_trunc('hour', received_at, 'UTC') from former"
)
FOLLOW_UP: Final = f"""
with {GIVEN.format(when="")}, {FORMER}, counted as ({COUNT.format(when="")}), marked as ({MARK.format(when="")}), reopened as ({MARK_FORMER})
select later, earlier from former
"""  # noqa: S608 - made of the constants above
REOPEN: Final = f"""
with {GIVEN.format(when="where exists (select from predictions where id = films.id offset 0)")}, {FORMER}, reopened as ({MARK_FORMER})
select later, earlier from former
"""  # noqa: S608 - made of the constants above


def told(predictions: Sequence[Prediction], process: UUID) -> dict[str, Any]:
    """What `follow_up` needs to know of new rows."""
    return {**given(predictions), **books(predictions, process)}


def follow_up(cursor: Cursor[Any], news: Mapping[str, Any]) -> None:
    """Mark the hours that new rows make stale and count them for their process. The cursor then gives later and earlier of each revision."""
    cursor.execute(FOLLOW_UP, news)


def ask_for_formers(cursor: Cursor[Any], predictions: Sequence[Prediction]) -> None:
    """Mark the hours of the films that these replace, if they were stored just now. The cursor then gives later and earlier of each."""
    cursor.execute(REOPEN, given(predictions))


def formers_of(cursor: Cursor[Any], predictions: Sequence[Prediction]) -> dict[UUID, UUID]:
    """Which earlier prediction is replaced by which later one, for those of these stored predictions that are revisions."""
    return dict(cursor.execute(FORMERS, given(predictions)).fetchall())


def hours_of(predictions: Sequence[Prediction]) -> dict[tuple[int, datetime], int]:
    """How many rows of which model version fall into which hour."""
    counts = Counter((prediction.model_version, hour_number(prediction.id)) for prediction in predictions)
    return {(version, EPOCH + timedelta(hours=number)): rows for (version, number), rows in sorted(counts.items())}


def books(predictions: Sequence[Prediction], process: UUID) -> dict[str, Any]:
    """How many rows are stored for whom in which month, and which hours they make stale."""
    hours = hours_of(predictions)
    months: Counter[date] = Counter()
    for (_, hour), rows in hours.items():
        months[month_of(hour).date()] += rows
    return {
        "process": process,
        "months": list(months),
        "counts": list(months.values()),
        "versions": [version for version, _ in hours],
        "hours": [hour for _, hour in hours],
    }


def named(prediction: Prediction) -> bool:
    """Whether the film says of which view of which study it is: only such a film can take the place of another."""
    return prediction.pseudonyms.study is not None and prediction.attributes.get(VIEWS[0]) is not None


def given(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The films that say what they are of, in columns; and the earliest id that any of them can follow."""
    films = [
        (film.id, film.model_version, film.pseudonyms.study, floor_before(film.id, SUCCESSION), *views_of(film))
        for film in predictions
        if named(film)
    ]
    columns: Sequence[Sequence[Any]] = list(zip(*films, strict=True)) or [()] * len(GIVEN_COLUMNS)
    return {
        **{f"film_{name}": packed(kind, column) for (name, kind), column in zip(GIVEN_COLUMNS.items(), columns, strict=True)},
        "earliest": min(columns[SINCE], default=LAST),
    }


def views_of(film: Prediction) -> list[str | None]:
    """What a film says of its view, as the row's document spells it."""
    return [None if (value := film.attributes.get(name)) is None else spelled(str(value)) for name in VIEWS]
