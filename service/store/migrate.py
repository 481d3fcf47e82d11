"""Brings a database to the tables that this version of the code works with."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

import migrations
from service.store.engine import open_engine
from service.store.locks import session_lock

LOCK = "migrate"


def migrate(url: str) -> None:
    """Apply the migrations that the database lacks. Processes that call it at once wait for the first, and find nothing left to do."""
    _run(url, "upgrade", "head")


def migrate_down(url: str) -> None:
    """Take every table away again, with everything in it."""
    _run(url, "downgrade", "base")


def is_current(engine: Engine) -> bool:
    """Whether the database has just the tables that this version of the code works with."""
    with engine.connect() as connection:
        heads = ScriptDirectory.from_config(_configuration(connection)).get_heads()
        return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def _run(url: str, direction: str, target: str) -> None:
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("set statement_timeout = 0; set lock_timeout = 0"))
            connection.commit()
            with session_lock(connection, LOCK, wait=True):
                # Who waits for a table holds up all who come after: rather fail and be called again.
                connection.execute(text("set lock_timeout = '15s'"))
                connection.commit()
                getattr(command, direction)(_configuration(connection), target)
                connection.commit()
    finally:
        engine.dispose()


def _configuration(connection: Connection) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", migrations.__path__[0].replace("%", "%%"))
    configuration.attributes["connection"] = connection
    return configuration
