"""Migrations: up from nothing, down to nothing, and nothing left to say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from service.store.engine import open_engine
from service.store.migrate import is_current, migrate, migrate_down
from service.store.partitions import ensure_partitions
from service.store.tables import metadata
from tests.postgres import database, schema_of


def tables_of(url: str) -> set[str]:
    engine = open_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_the_migrations_leave_what_the_tables_say(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_and_the_tables_dump_alike(server_url: str) -> None:
    with database(server_url) as migrated, database(server_url) as created:
        migrate(migrated)
        engine = open_engine(created)
        metadata.create_all(engine)
        engine.dispose()
        assert schema_of(migrated, without="alembic_version") == schema_of(created)


def test_up_and_down_leaves_nothing_behind(empty_postgres_url: str) -> None:
    migrate(empty_postgres_url)
    engine = open_engine(empty_postgres_url)
    ensure_partitions(engine, datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    engine.dispose()
    assert {"predictions", "predictions_2026_01", "outbox"} <= tables_of(empty_postgres_url)
    migrate_down(empty_postgres_url)
    assert tables_of(empty_postgres_url) == {"alembic_version"}


def test_processes_that_migrate_at_once_do_not_disturb_each_other(empty_postgres_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [empty_postgres_url] * 4))
    assert set(metadata.tables) <= tables_of(empty_postgres_url)


def test_a_database_is_current_once_it_is_migrated(empty_postgres_url: str) -> None:
    engine = open_engine(empty_postgres_url)
    try:
        before = is_current(engine)
        migrate(empty_postgres_url)
        assert (before, is_current(engine)) == (False, True)
    finally:
        engine.dispose()
