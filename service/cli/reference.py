"""`stepwedge reference`: what a model is compared to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from service.cli.setup import actor, database, read_settings
from service.store.engine import open_engine
from service.store.models import champion

FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M"]
Model = Annotated[str, typer.Argument(help="Name of the model; its version in service is meant.", show_default=False)]
Since = Annotated[datetime, typer.Option("--since", formats=FORMATS, help="First hour of the period, in UTC.", show_default=False)]
Until = Annotated[datetime, typer.Option("--until", formats=FORMATS, help="End of the period, in UTC.", show_default=False)]


def reference(model: Model, since: Since, until: Until) -> None:
    """Declare a period in which the model did good work: from its end on, the worker compares everything to it."""
    from service.worker.reference import build_reference  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it

    with database(read_settings()) as url:
        engine = open_engine(url)
        try:
            with engine.connect() as connection:
                version = champion(connection, model)
            start, end = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
            stored = build_reference(engine, version, start, end, at=datetime.now(UTC), actor=actor())
        finally:
            engine.dispose()
    typer.echo(
        f"{version.model} {version.version} is compared to {stored.since:%Y-%m-%d %H:%M} to {stored.until:%Y-%m-%d %H:%M} UTC from now on."
    )
    typer.echo("The worker's next pass judges what came after it.")
