"""The audit log is one chain, however many write it, and whatever is done to it afterwards shows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from service.access import Act, Deed
from service.store.audit import append, entries, head_of
from service.store.chain import Head, Verdict, walk

AT = datetime(2026, 3, 2, 9, 10, 30, 123456, tzinfo=UTC)


def make_act(subject: str = "", **details: object) -> Act:
    return Act(AT, "pacs", Deed.PREDICTION_READ, subject, details or {"count": 2, "subjects": ["a", "\u00fc"]})  # type: ignore[arg-type] # any JSON


def write(engine: Engine, count: int) -> Head:
    with engine.begin() as connection:
        return append(connection, *(make_act(str(number)) for number in range(count)))


def verdict(engine: Engine, noted: Head | None = None) -> Verdict:
    with engine.connect() as connection:
        return walk(entries(connection), noted)


def tamper(engine: Engine, statement: str) -> None:
    """As whoever owns the database could."""
    with engine.begin() as connection:
        connection.execute(text("alter table audit disable trigger all"))
        connection.execute(text(statement))
        connection.execute(text("alter table audit enable trigger all"))


def test_an_empty_log_is_whole(engine: Engine) -> None:
    assert verdict(engine) == Verdict(Head())


def test_what_was_written_is_read_again_and_is_one_chain(engine: Engine) -> None:
    head = write(engine, 2500)
    assert verdict(engine) == Verdict(head)
    with engine.connect() as connection:
        first = next(entries(connection))
        assert head_of(connection) == head
    assert (first.seq, first.act) == (1, make_act("0"))


@pytest.mark.parametrize("statement", ["update audit set actor = 'x'", "delete from audit", "truncate audit"])
def test_nobody_changes_a_row(engine: Engine, statement: str) -> None:
    write(engine, 2)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert verdict(engine).head.seq == 2


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("update audit set actor = 'x' where seq = 3", 3),
        ("update audit set details = '{}' where seq = 4", 4),
        ("update audit set at = at + interval '1 us' where seq = 2", 2),
        ("update audit set hash = previous where seq = 3", 3),
        ("delete from audit where seq = 3", 3),
        ("delete from audit where seq = 1", 1),
        ("update audit set seq = 6 where seq = 2", 2),
    ],
)
def test_the_first_row_that_is_not_right_is_named(engine: Engine, statement: str, broken: int) -> None:
    write(engine, 5)
    tamper(engine, statement)
    assert verdict(engine).broken == broken


def test_a_cut_end_shows_against_a_noted_head_only(engine: Engine) -> None:
    head = write(engine, 5)
    tamper(engine, "delete from audit where seq > 3")
    assert verdict(engine).broken is None
    assert verdict(engine, Head.parse(str(head))).broken == 4


def test_a_chain_that_was_written_anew_shows_against_a_noted_head(engine: Engine) -> None:
    head = write(engine, 3)
    tamper(engine, "delete from audit")
    with engine.begin() as connection:
        append(connection, *(make_act("other") for _ in range(5)))
    assert verdict(engine).broken is None
    assert verdict(engine, head).broken == 3


def test_many_writers_keep_one_chain(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: write(engine, 5), range(40)))
    assert verdict(engine).head.seq == 200
    assert verdict(engine).broken is None


def test_what_is_rolled_back_leaves_no_gap(engine: Engine) -> None:
    write(engine, 2)
    with engine.connect() as connection:
        append(connection, make_act())
        connection.rollback()
    write(engine, 1)
    assert verdict(engine) == Verdict(verdict(engine).head)
    assert verdict(engine).head.seq == 3


@pytest.mark.parametrize("text_of_head", ["", "3", "3:xy", "x:" + 64 * "0", "3:00", "-1:" + 64 * "0"])
def test_what_is_no_head_is_refused(text_of_head: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Head.parse(text_of_head)
