"""Statements: what readers say about films becomes labels of the predictions that they mean, thousands in one go.

A statement names a prediction, or an accession, a study or an instance by its pseudonym. Postgres finds the films, knows which finding a
model has, and gives each label an id that follows from film and statement: the same statement sent twice, from wherever, is one row.
What names a film that is not here yet waits for it (`adopt`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Connection

from service.domain import Assessment, Tier
from service.store.drivers import driver_cursor

BATCH = 5000


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about: a prediction, or every prediction of an accession, study or instance; `model` narrows it. Pseudonyms only."""

    prediction: UUID | None = None
    accession: bytes | None = None
    study: bytes | None = None
    instance: bytes | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One reader's word on one finding; the reader is a pseudonym.

    value: None where the reader is not certain, and with an assessment: then the model's own decision on the film makes it.
    asked: it answers a worklist. supersedes: the label that it takes the place of.
    """

    subject: Subject
    finding: str
    value: float | None
    source: str
    tier: Tier
    reader: bytes | None
    made_at: datetime
    assessment: Assessment | None = None
    asked: bool = False
    supersedes: UUID | None = None

    @property
    def digest(self) -> bytes:
        """What was stated; what it is about and when it arrived are no part of it."""
        said = (
            self.finding,
            "" if self.value is None else float(self.value).hex(),
            self.source,
            self.tier,
            self.reader.hex() if self.reader else "",
            str(self.made_at.timestamp()),
            self.assessment or "",
            "asked" if self.asked else "",
            str(self.supersedes or ""),
        )
        return sha256("\0".join(said).encode()).digest()


class Fate(IntEnum):
    """What became of a statement."""

    STORED = 0
    WAITING = 1
    UNKNOWN_PREDICTION = 2
    UNKNOWN_FINDING = 3
    UNKNOWN_MODEL = 4


@dataclass(frozen=True, slots=True)
class Stated:
    """What became of a batch: how many labels were new, and the fate of each statement."""

    added: int
    fates: tuple[Fate, ...]


COLUMNS: Final = {
    "line": "int4",
    "prediction": "uuid",
    "accession": "bytea",
    "study": "bytea",
    "instance": "bytea",
    "model": "text",
    "finding": "text",
    "value": "float8",
    "source": "text",
    "tier": "text",
    "reader": "bytea",
    "assessment": "text",
    "asked": "bool",
    "supersedes": "uuid",
    "made_at": "timestamptz",
    "received_at": "timestamptz",
    "digest": "bytea",
}
NAMES: Final = ", ".join(COLUMNS)
CREATE: Final = f"create temporary table if not exists stated ({', '.join(f'{n} {t}' for n, t in COLUMNS.items())}) on commit delete rows"
CLEAR: Final = "delete from stated"
COPY: Final = f"copy stated ({NAMES}) from stdin (format binary)"

FINDINGS: Final = """
findings (version, model, name, place, threshold) as materialized (
    select versions.id, versions.model, listed.item ->> 'name', listed.place, coalesce((listed.item ->> 'threshold')::float8, 0.5)
    from model_versions as versions
    cross join lateral jsonb_array_elements(versions.manifest -> 'findings') with ordinality as listed (item, place))
"""
# `offset 0` makes each one look into an index: a temporary table has no statistics, and any other way through predictions is slow.
FILM: Final = "select id, model_version, received_at, logits from predictions where"
MEANT: Final = f"""
meant as (
    select stated.*, film.id as film, film.model_version, film.received_at as film_at, film.logits from stated cross join lateral (
        {FILM} id = coalesce((select prediction from aliases where id = stated.prediction and not conflict), stated.prediction) offset 0
    ) as film where stated.prediction is not null
    union all select stated.*, film.id, film.model_version, film.received_at, film.logits from stated cross join lateral (
        {FILM} accession = stated.accession offset 0) as film where stated.accession is not null
    union all select stated.*, film.id, film.model_version, film.received_at, film.logits from stated cross join lateral (
        {FILM} study = stated.study offset 0) as film where stated.study is not null
    union all select stated.*, film.id, film.model_version, film.received_at, film.logits from stated cross join lateral (
        {FILM} instance = stated.instance offset 0) as film where stated.instance is not null)
"""  # noqa: S608 - made of a constant
# RFC 9562: a UUIDv8, whose content is ours; bytes 6 and 8 carry version and variant.
IDENTIFIER: Final = """
encode(set_byte(set_byte(hash, 6, get_byte(hash, 6) & 15 | 128), 8, get_byte(hash, 8) & 63 | 128), 'hex')::uuid
"""
STORE: Final = f"""
with {FINDINGS}, {MEANT},
known as (
    select meant.*, findings.place is not null or not %(known)s as knows, case
        when assessment is null then value
        when assessment = 'supplemented' then 1.0
        when assessment = 'accepted' then (logits[place] >= ln(threshold / (1 - threshold)))::int::float8
        else (logits[place] < ln(threshold / (1 - threshold)))::int::float8 end as stated_value,
        substring(sha256(uuid_send(film) || digest) for 16) as hash
    from meant left join model_versions as versions on versions.id = meant.model_version
    left join findings on findings.version = meant.model_version and findings.name = meant.finding
    where meant.model is null or meant.model = versions.model),
added as (
    insert into labels
        (id, prediction, model_version, finding, value, source, tier, reader, assessment, asked, supersedes, made_at, received_at)
    select distinct on (1) {IDENTIFIER},
        film, model_version, finding, stated_value, source, tier, reader, assessment, asked, supersedes, made_at, received_at
    from known where knows order by 1
    on conflict (id) do nothing returning prediction),
marked as (
    insert into tally_marks (model_version, hour)
    select distinct model_version, date_trunc('hour', film_at, 'UTC') from known where film in (select prediction from added)),
fates as (select line, bool_or(knows) as knows from known group by line)
select stated.line, fates.knows, coalesce(prediction is not null, true),
    (select count(*) from added),
    exists (select from findings where findings.name = stated.finding and (stated.model is null or findings.model = stated.model)),
    stated.model is null or exists (select from findings where findings.model = stated.model)
from stated left join fates using (line)
"""  # noqa: S608 - made of constants
WAIT: Final = f"""
insert into waiting_labels (id, {", ".join(name for name in COLUMNS if name not in {"line", "prediction"})})
select distinct on (1) {IDENTIFIER}, {", ".join(name for name in COLUMNS if name not in {"line", "prediction"})}
from (select *, substring(sha256(
    digest || coalesce(accession, '') || '/' || coalesce(study, '') || '/' || coalesce(instance, '') || '/' || coalesce(model, '')::bytea
) for 16) as hash from stated where line = any(%s)) as waits order by 1
on conflict (id) do nothing
"""  # noqa: S608 - made of constants


def state(
    connection: Connection, statements: Sequence[Statement], received_at: datetime | Sequence[datetime], *, known: bool = True
) -> Stated:
    """Store, in the caller's transaction, the labels of all statements that are about something that is known; mark their hours stale.

    Args:
        connection: Of the store.
        statements: In any order.
        received_at: When they came, all at once or each of them.
        known: Only findings that the model of the film has; otherwise any.
    """
    if not statements:
        return Stated(0, ())
    moments = [received_at] * len(statements) if isinstance(received_at, datetime) else received_at
    with driver_cursor(connection) as cursor:
        cursor.execute(CREATE)
        cursor.execute(CLEAR)
        with cursor.copy(COPY) as copy:
            copy.set_types(list(COLUMNS.values()))
            for line, (statement, moment) in enumerate(zip(statements, moments, strict=True)):
                copy.write_row(_row(line, statement, moment))
        return _settled(cursor, len(statements), known=known)


def _settled(cursor: Cursor[Any], count: int, *, known: bool) -> Stated:
    """Store what the temporary table holds."""
    fates, added = [Fate.STORED] * count, 0
    for line, knows, by_prediction, new, finding, model in cursor.execute(STORE, {"known": known}).fetchall():
        fates[line], added = _fate(knows=knows, by_prediction=by_prediction, finding=finding, model=model), new
    waiting = [line for line, fate in enumerate(fates) if fate is Fate.WAITING]
    if waiting:
        cursor.execute(WAIT, (waiting,))
    return Stated(added, tuple(fates))


def _fate(*, knows: bool | None, by_prediction: bool, finding: bool, model: bool) -> Fate:
    """knows: whether a model that answered has the finding; None where no film is known."""
    if knows:
        return Fate.STORED
    if knows is not None:
        return Fate.UNKNOWN_FINDING
    if by_prediction:
        return Fate.UNKNOWN_PREDICTION
    if not model:
        return Fate.UNKNOWN_MODEL
    return Fate.WAITING if finding else Fate.UNKNOWN_FINDING


def _row(line: int, statement: Statement, received_at: datetime) -> tuple[Any, ...]:
    subject = statement.subject
    return (
        line,
        subject.prediction,
        subject.accession,
        subject.study,
        subject.instance,
        subject.model,
        statement.finding,
        statement.value if statement.value is None else float(statement.value),
        statement.source,
        str(statement.tier),
        statement.reader,
        None if statement.assessment is None else str(statement.assessment),
        statement.asked,
        statement.supersedes,
        statement.made_at,
        received_at,
        statement.digest,
    )


COME: Final = """
select from predictions as film join model_versions as versions on versions.id = film.model_version
where (waits.model is null or waits.model = versions.model) and film.
"""
FETCH: Final = f"""
with taken as (
    delete from waiting_labels where id in (
        select id from waiting_labels as waits where exists ({COME.rstrip()}accession = waits.accession)
            or exists ({COME.rstrip()}study = waits.study) or exists ({COME.rstrip()}instance = waits.instance)
        limit {BATCH} for update skip locked)
    returning *)
insert into stated ({NAMES}) select (row_number() over ())::int4 - 1, null, {", ".join(list(COLUMNS)[2:])} from taken
"""  # noqa: S608 - made of constants


def adopt(connection: Connection) -> int:
    """Make labels of statements that waited and whose film has come meanwhile, some thousand in the caller's transaction.

    Safe to repeat and to run by several workers. A film of another model than the statement wants leaves it waiting; one whose model does
    not have the finding ends it.

    Returns:
        How many were seen to; none where nothing is left to do.
    """
    with driver_cursor(connection) as cursor:
        cursor.execute(CREATE)
        cursor.execute(CLEAR)
        taken = cursor.execute(FETCH).rowcount
        if taken:
            _settled(cursor, taken, known=True)
    return taken
