"""`stepwedge archive`: days that are over, as Parquet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from service.cli.bar import bar
from service.cli.setup import database, read_settings
from service.store.engine import open_engine

Model = Annotated[str, typer.Option("--model", help="Name of the model; all of its versions are meant.", show_default=False)]
Before = Annotated[
    datetime, typer.Option("--before", formats=["%Y-%m-%d"], help="Days before this one, in UTC, and older than a day.", show_default=False)
]
Verify = Annotated[bool, typer.Option("--verify", help="Read back what lies there already, and write anew what the store says otherwise.")]


def archive(model: Model, before: Before, verify: Verify = False) -> None:
    """Write each day of a model's predictions and labels to STEPWEDGE_ARCHIVE as Parquet, under a manifest that names the files by their SHA-256.

    A day that lies there unchanged is left, so a run that was broken off goes on where it was. While STEPWEDGE_ARCHIVE is set, the worker
    drops a month (STEPWEDGE_KEEP_PREDICTIONS_DAYS) only once every day of it was read back and compared. Needs the extra `archive`.
    """
    from service.worker.archive import archive_model  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it

    settings = read_settings()
    with database(settings) as url:
        engine = open_engine(url)
        try:
            with bar("Archiving") as tell:
                done = archive_model(engine, settings, model, before.replace(tzinfo=UTC), at=datetime.now(UTC), tell=tell, verify=verify)
        finally:
            engine.dispose()
    typer.echo(
        f"{done.written} days with {done.predictions} predictions written, {done.known} lay there already. In {settings.archive_folder}"
    )
    if done.erased:
        typer.echo(f"{done.erased} predictions that were erased since went from the files, too.")
