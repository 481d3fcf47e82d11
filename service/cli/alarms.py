"""`stepwedge alarms`: alarms computed anew."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from service.cli.setup import database, read_settings
from service.errors import SetupError
from service.store.engine import connected

alarms = typer.Typer(help="Alarms: compute one anew.", no_args_is_help=True)

Id = Annotated[UUID, typer.Argument(help="Id of the alarm, as /v1/models/MODEL/alarms shows it.", show_default=False)]


@alarms.callback()
def group() -> None:
    """Keep `replay` a subcommand: with one command alone it would take the group's place."""


@alarms.command()
def replay(identifier: Id) -> None:
    """Compute an alarm anew from its reference and the stored sums of the days, and compare it bit for bit with what people were told.

    Nothing is written. Exit 0: identical. Exit 1: it differs, and what differs is named; a label that came after the alarm does that.
    """
    from service.worker.replay import replay_alarm  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it

    with database(read_settings()) as url, connected(url) as connection:
        found = replay_alarm(connection, identifier)
    if found is None:
        raise SetupError("There is no alarm of this id.")
    typer.echo(f"{found.days} days folded up to {found.alarm.opened_at:%Y-%m-%d}: {found.again.summary if found.again else 'no alarm'}")
    if found.differing:
        typer.echo("differs in: " + ", ".join(found.differing))
        raise typer.Exit(1)
    typer.echo("identical: evidence of every series on every day, and the alarm with all that carries it")
