"""Each migration leaves what the release before it works with: old and new processes run side by side while an upgrade rolls."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from service.store.engine import open_engine
from service.store.migrate import _configuration
from tests import postgres


@dataclass(frozen=True)
class Field:
    """A column as a process that writes rows sees it."""

    kind: str
    may_be_left_out: bool


def fields(connection: Connection) -> dict[str, Field]:
    query = text("""
        select c.table_name || '.' || c.column_name as name, c.data_type,
            c.is_nullable = 'YES' or c.column_default is not null or c.is_identity = 'YES' as may_be_left_out
        from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
        where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.table_name <> 'alembic_version'
    """)
    return {row.name: Field(row.data_type, row.may_be_left_out) for row in connection.execute(query)}


def stages(engine: Engine) -> list[tuple[str, dict[str, Field]]]:
    """The columns after each migration, first one first."""
    found = []
    with engine.connect() as connection:
        configuration = _configuration(connection)
        revisions = [one.revision for one in ScriptDirectory.from_config(configuration).walk_revisions()][::-1]
        for revision in revisions:
            command.upgrade(configuration, revision)
            connection.commit()
            found.append((revision, fields(connection)))
            connection.commit()
    return found


@pytest.fixture(scope="module")
def told(server_url: str) -> list[tuple[str, dict[str, Field]]]:
    with postgres.database(server_url) as url:
        engine = open_engine(url)
        try:
            return stages(engine)
        finally:
            engine.dispose()


def test_no_migration_takes_away_or_changes_what_the_release_before_it_reads(told) -> None:
    lost = {
        (revision, name)
        for (_, before), (revision, after) in pairwise(told)
        for name, field in before.items()
        if name not in after or after[name].kind != field.kind
    }
    assert lost == set()


def test_the_release_before_a_migration_can_still_write_its_rows(told) -> None:
    """What it does not know of may be left out; what it left out may still be."""
    barred = {
        (revision, name)
        for (_, before), (revision, after) in pairwise(told)
        for name, field in after.items()
        if not field.may_be_left_out and name.partition(".")[0] in {one.partition(".")[0] for one in before}
        if name not in before or before[name].may_be_left_out
    }
    assert barred == set()


def test_there_is_something_to_compare(told) -> None:
    assert len(told) > 15
    assert len(told[-1][1]) > len(told[0][1]) > 50
