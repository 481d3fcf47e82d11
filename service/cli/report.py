"""`stepwedge report`: what a quality committee reads of a period."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from service.cli.setup import database, read_settings
from service.errors import InvalidRequestError, SetupError, UnknownModelError
from service.store.engine import connected

Day = "%Y-%m-%d"
Model = Annotated[str, typer.Option("--model", help="Name of the model.", show_default=False)]
First = Annotated[datetime, typer.Option("--from", formats=[Day], help="First day, in UTC.", show_default=False)]
Last = Annotated[datetime, typer.Option("--to", formats=[Day], help="Last day, in UTC.", show_default=False)]
Out = Annotated[
    Path | None, typer.Option("--out", help="File to write to; standard output by default.", dir_okay=False, show_default=False)
]
AsCsv = Annotated[bool, typer.Option("--csv", help="One number a row, for whoever compares sites, instead of the page.")]


def report(model: Model, first: First, last: Last, out: Out = None, csv: AsCsv = False) -> None:
    """Report on a period: volume, ledger, drift, calibration, performance, subgroups, alarms with causes and actions, versions, alarm budget.

    One HTML file that needs nothing else. It prints well: a browser makes a PDF of it.
    """
    from service.console.sheet import Days, sheet_csv, sheet_html  # noqa: PLC0415 - scipy takes a second to import; --help must not wait

    settings = read_settings()
    try:
        days = Days(first.date(), last.date())
        with database(settings) as url, connected(url) as connection:
            text = (sheet_csv if csv else sheet_html)(connection, model, days, datetime.now(UTC))
    except InvalidRequestError as error:
        raise SetupError(str(error)) from None
    except UnknownModelError:
        raise SetupError("No version of this model is in service.") from None
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    typer.echo(f"{out}: {model} from {days.first} to {days.last}")
