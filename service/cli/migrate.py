"""`stepwedge migrate`: the tables."""

from __future__ import annotations

import typer

from service.cli.setup import database, read_settings
from service.store.migrate import migrate as migrate_database


def migrate() -> None:
    """Bring the database to the tables that this version works with. Harmless to repeat."""
    with database(read_settings()) as url:
        migrate_database(url)
    typer.echo("The database is up to date. Next: stepwedge gateway, stepwedge worker, stepwedge register FOLDER.")
