"""`stepwedge retally`: sums computed anew from rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from service.cli.bar import bar
from service.cli.setup import database, read_settings
from service.errors import SetupError
from service.store.engine import open_engine
from service.store.models import champion
from service.store.sources import Source

FORMATS = ["%Y-%m-%d"]
SHOWN = 10
Model = Annotated[str, typer.Option("--model", help="Name of the model; its version in service is meant.", show_default=False)]
Since = Annotated[datetime, typer.Option("--from", formats=FORMATS, help="First day, in UTC.", show_default=False)]
Until = Annotated[datetime, typer.Option("--to", formats=FORMATS, help="Day after the last, in UTC.", show_default=False)]
Where = Annotated[
    Source, typer.Option("--source", help="Where rows are read: the store, the archive, or for each day the better of the two.")
]
Check = Annotated[bool, typer.Option("--check", help="Only compare with what is stored; exit 1 where something differs.")]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", help="Address of a Dask scheduler, tcp://...; default is processes of this machine.")
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes of this machine; default is one a processor.")]


def retally(
    *,
    model: Model,
    since: Since,
    until: Until,
    source: Where = Source.BEST,
    check: Check = False,
    scheduler: Scheduler = None,
    workers: Workers = None,
) -> None:
    """Compute the hourly sums of a stretch anew from rows, in the store or in the archive, and put what differs in its place.

    What comes out is what the worker would have stored, bit for bit. A run that was broken off goes on where it was. The worker's next pass
    folds evidence anew from the first day that changed.
    """
    from service.store.archive import Archive  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it
    from service.worker.executors import dask, processes  # noqa: PLC0415 - likewise
    from service.worker.retally import retally as compute  # noqa: PLC0415 - likewise

    if scheduler is not None and source is not Source.ARCHIVE:
        raise SetupError("With --scheduler give --source archive: a cluster is not told where the database is.")
    settings = read_settings()
    first, last = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    if first >= last:
        raise SetupError("--from must lie before --to.")
    with database(settings) as url:
        engine = open_engine(url)
        executor = dask(scheduler) if scheduler is not None else processes(workers, {"DATABASE_URL": url, "OPENBLAS_NUM_THREADS": "1"})
        try:
            with engine.connect() as connection:
                version = champion(connection, model)
            with executor as execute, bar("Tallying") as tell:
                done = compute(
                    engine,
                    version,
                    first,
                    last,
                    archive=Archive(settings.archive_folder),
                    execute=execute,
                    at=datetime.now(UTC),
                    source=source,
                    check=check,
                    tell=tell,
                )
        finally:
            engine.dispose()
    before = f" ({done.done_before} more had been done before)" if done.done_before else ""
    typer.echo(
        f"{done.days} days computed{before}: {len(done.differing)} differ from what was stored{' and took its place' * (not check)}."
    )
    if done.differing:
        typer.echo("  " + ", ".join(day.isoformat() for day in done.differing[:SHOWN]) + (" ..." if len(done.differing) > SHOWN else ""))
    if done.kept:
        typer.echo(f"{len(done.kept)} days have sums and no rows any more, here or in the archive; their sums stay as they are.")
    if check and done.differing:
        raise typer.Exit(1)
