"""The months of `predictions`: made ahead or on demand, dropped whole when their time is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from psycopg import Cursor, sql
from sqlalchemy import Connection, Engine, text

from service.store.drivers import driver_cursor
from service.store.ids import uuid7_floor
from service.store.locks import hold_until_commit
from service.store.shadow_months import drop_shadow_month

LOCK = "partitions of predictions"
DECEMBER = 12

# Not to_regclass: it may answer from what this session remembers, and miss a table that another one has just committed.
MISSING = """
    select name from unnest(%s::text[]) as name
    where not exists (select from pg_class where relname = name and pg_table_is_visible(oid)) order by name
"""
HANGING_ON_A_MONTH = (
    text("delete from outbox where prediction >= :low and prediction < :high"),
    text("delete from sealed_headers where prediction >= :low and prediction < :high"),
    text("delete from labels where prediction >= :low and prediction < :high"),
    text("delete from asked_reads where prediction >= :low and prediction < :high"),
    text("delete from submissions where prediction >= :low and prediction < :high"),
    text("delete from aliases where prediction >= :low and prediction < :high"),
    text("delete from kept_instances where prediction >= :low and prediction < :high"),
    # A mark that stayed would have its hour tallied again, from no rows.
    text("delete from tally_marks where hour >= :since and hour < :until"),
)

GONE = date(1970, 1, 1)
"""The month of the books under which rows are counted that are dropped by now."""

CLOSE_THE_MONTH = text("""
    with closed as (delete from ledger_months where month = :month returning process, stored)
    insert into ledger_months (process, month, stored) select process, :gone, stored from closed
    on conflict (process, month) do update set stored = ledger_months.stored + excluded.stored
""")


def month_of(at: datetime) -> datetime:
    """The first instant of the month in UTC."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def months_between(start: datetime, end: datetime) -> Iterator[datetime]:
    """The months that [start, end] touches."""
    month = month_of(start)
    while month <= end:
        yield month
        month = _next(month)


def ensure_partitions(engine: Engine, start: datetime, end: datetime) -> None:
    """Make the partitions of every month that [start, end] touches, where they are missing. Harmless to repeat, from many processes too."""
    with engine.begin() as connection:
        ensure_months(connection, months_between(start, end))


def ensure_months(connection: Connection, months: Iterable[datetime]) -> None:
    """Make the missing partitions of these months in the caller's transaction; writers of other months do not wait."""
    with driver_cursor(connection) as cursor:
        wanted = list(months)
        ask_for_months(cursor, wanted)
        make_months(connection, wanted, cursor.fetchall())


def ask_for_months(cursor: Cursor[Any], months: Iterable[datetime]) -> None:
    """Which of these months are missing? The cursor has the answer, for `make_months`."""
    cursor.execute(MISSING, ([_name(month) for month in months],))


def make_months(connection: Connection, months: Iterable[datetime], missing: Sequence[tuple[str]]) -> None:
    """Make the partitions of those months that are missing, unless somebody has made them meanwhile."""
    if not missing:
        return
    hold_until_commit(connection, LOCK)
    wanted = {_name(month): month for month in months}
    for name in _missing(connection, [name for (name,) in missing]):
        _create(connection, name, wanted[name])


def drop_partitions(engine: Engine, before: datetime, may_go: Callable[[datetime], bool] = lambda _month: True) -> list[datetime]:
    """Drop the months that ended by `before`, with the labels, idempotency keys and marks of their predictions; tallies and alarms stay.

    may_go: asked of each month right before; false keeps it.

    Returns:
        The months dropped, earliest first.
    """
    with engine.begin() as connection:
        months = [month for month in _existing(connection) if _next(month) <= before]
    return [month for month in months if may_go(month) and _dropped(engine, month)]


def _next(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // DECEMBER, month=month.month % DECEMBER + 1)


def _name(month: datetime) -> str:
    return f"predictions_{month:%Y_%m}"


def _missing(connection: Connection, names: list[str]) -> list[str]:
    with driver_cursor(connection) as cursor:
        return [name for (name,) in cursor.execute(MISSING, (names,))]


def _existing(connection: Connection) -> list[datetime]:
    query = text("select relid::text from pg_partition_tree('predictions') where isleaf order by 1")
    return [datetime.strptime(name, "predictions_%Y_%m").replace(tzinfo=UTC) for name in connection.scalars(query)]


def _create(connection: Connection, name: str, month: datetime) -> None:
    """Attach a table rather than create a partition: that lets other writers into `predictions` meanwhile."""
    table = sql.Identifier(name)
    low, high = sql.Literal(str(uuid7_floor(month))), sql.Literal(str(uuid7_floor(_next(month))))
    _execute(connection, sql.SQL("create table {} (like predictions including defaults including constraints)").format(table))
    _execute(connection, sql.SQL("alter table predictions attach partition {} for values from ({}) to ({})").format(table, low, high))


def _dropped(engine: Engine, month: datetime) -> bool:
    """Drop one month; false where another process was faster.

    What hangs on its predictions goes first, in a transaction of its own: it may take long, and nobody waits for it. The drop is short.
    """
    with engine.begin() as connection:
        connection.execute(text("set local statement_timeout = 0"))
        for statement in HANGING_ON_A_MONTH:
            connection.execute(
                statement, {"since": month, "until": _next(month), "low": uuid7_floor(month), "high": uuid7_floor(_next(month))}
            )
    with engine.begin() as connection:
        hold_until_commit(connection, LOCK)
        if _missing(connection, [_name(month)]):
            return False
        _execute(connection, sql.SQL("drop table {}").format(sql.Identifier(_name(month))))
        drop_shadow_month(connection, month)
        connection.execute(CLOSE_THE_MONTH, {"month": month.date(), "gone": GONE})
    return True


def _execute(connection: Connection, statement: sql.Composed) -> None:
    connection.exec_driver_sql(statement.as_string(None))
