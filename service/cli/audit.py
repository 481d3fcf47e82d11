"""`stepwedge audit`: what was done, and whether the log of it is whole."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.setup import database, read_settings
from service.errors import SetupError
from service.store.audit import entries, head_of
from service.store.chain import Head, walk
from service.store.engine import connected

audit = typer.Typer(help="The audit log: verify its chain, export it.", no_args_is_help=True)

Noted = Annotated[
    str | None,
    typer.Option(
        "--head", help="A head that was noted before, as `audit verify`, `audit export` and `doctor` print it.", show_default=False
    ),
]


@audit.command()
def verify(head: Noted = None) -> None:
    """Follow the chain from the first row to the last; name the first that was changed or is missing.

    The chain alone shows a row that was changed, removed or slipped in. That the end was cut, or everything rewritten from some
    row on, shows only against a head that was noted elsewhere: give it with --head. The worker's log has one for each day.
    """
    with database(read_settings()) as url, connected(url) as connection:
        verdict = walk(entries(connection), noted(head))
    if verdict.broken is not None:
        raise SetupError(f"The audit log is not whole: row {verdict.broken}: {verdict.reason}.")
    typer.echo(f"{verdict.head.seq} rows, one chain. Head {verdict.head}")
    typer.echo("Note the head elsewhere: against it, `stepwedge audit verify --head` shows a log that was cut or rewritten.", err=True)


@audit.command()
def export() -> None:
    """Print every row as a line of JSON; the head goes to standard error."""
    with database(read_settings()) as url, connected(url) as connection:
        for entry in entries(connection):
            typer.echo(entry.to_json())
        typer.echo(f"Head {head_of(connection)}", err=True)


def noted(head: str | None) -> Head | None:
    if head is None:
        return None
    try:
        return Head.parse(head)
    except ValueError:
        raise SetupError("--head is a number, a colon and 64 hexadecimal digits, such as `audit verify` prints.") from None
