"""Server: what Postgres says of itself, and what it lets us do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, text

from service.store.ids import uuid7_floor
from service.store.tables import predictions

DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


@dataclass(frozen=True, slots=True)
class Server:
    """One server. number: the version as Postgres counts. loose: settings by which it may lose what it committed."""

    version: str
    number: int
    writable: bool
    loose: tuple[str, ...]
    connections: int
    most_connections: int
    now: datetime


def server_of(connection: Connection) -> Server:
    """The server at the other end."""
    query = text("""
        select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
            not pg_is_in_recovery() and not current_setting('transaction_read_only')::bool as writable,
            (select coalesce(array_agg(name::text order by name), '{}') from pg_settings where name = any(:durable) and setting = 'off') as loose,
            (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
            current_setting('max_connections')::int as most_connections, clock_timestamp() as now
    """)
    row = connection.execute(query, {"durable": list(DURABLE)}).one()
    return Server(**{**row._asdict(), "loose": tuple(row.loose)})


def revision_of(connection: Connection) -> str | None:
    """The migration that the tables are at; None where there are no tables."""
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    found = connection.scalar(text("select max(version_num) from alembic_version"))
    return None if found is None else str(found)


def missing_rights(connection: Connection) -> list[str]:
    """Tables with what this role may not do with them. Nobody need change or remove rows of the audit log; only an owner makes partitions."""
    query = text("""
        select relname || ' (' || lower(needed) || ')' from pg_class cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as needed
        where relkind in ('r', 'p') and not relispartition and relnamespace = current_schema()::regnamespace and relname <> 'alembic_version'
            and (relname <> 'audit' or needed in ('SELECT', 'INSERT')) and not has_table_privilege(oid, needed)
        union all
        select relname || ' (owner)' from pg_class
        where relkind = 'p' and relnamespace = current_schema()::regnamespace and not pg_has_role(relowner, 'USAGE')
        order by 1
    """)
    return list(connection.scalars(query))


def later_than(connection: Connection, limit: datetime) -> list[str]:
    """What is stored of a time after this. Ids of predictions begin with their time, so none is read for it."""
    query = text("""
        select 'predictions' where exists (select from predictions where id > :floor)
        union all select 'refusals' where exists (select from refusals where at > :limit)
        union all select 'runs of the worker' where exists (select from snapshots where computed_at > :limit)
    """)
    return list(connection.scalars(query, {"floor": uuid7_floor(limit), "limit": limit}))


def oldest_prediction(connection: Connection) -> datetime | None:
    """When the oldest prediction that is kept came."""
    return connection.scalar(select(predictions.c.received_at).order_by(predictions.c.id).limit(1))
