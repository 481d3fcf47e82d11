"""`stepwedge replay`: the worker's passes on a clock that is played."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from service.cli.setup import database, read_settings
from service.errors import SetupError
from service.store.engine import open_engine

FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M"]
DAY = timedelta(days=1)
Since = Annotated[datetime, typer.Option("--since", formats=FORMATS, help="First moment that is played, in UTC.", show_default=False)]
Until = Annotated[
    datetime | None, typer.Option("--until", formats=FORMATS, help="Last moment, in UTC; default is now.", show_default=False)
]


def replay(since: Since, until: Until = None) -> None:
    """Let the worker look at a past period day by day, as if each day were today, and print when it would have alarmed.

    For films that were sent with Stepwedge-Received-At. Every result is as if the worker had run on those days; replaying twice changes nothing.
    """
    from service.worker.run import run_pass  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it

    moment, end = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC) if until else datetime.now(UTC)
    if moment >= end:
        raise SetupError("--since must lie before --until.")
    with database(read_settings()) as url:
        engine = open_engine(url)
        try:
            while moment < end:
                moment = min(moment + DAY, end)
                report = run_pass(engine, moment, now=lambda: datetime.now(UTC))
                if report.failed:
                    raise SetupError(f"The pass of {moment:%Y-%m-%d} failed for {', '.join(report.failed)}; the log above says where.")
                if report.opened or report.cleared:
                    typer.echo(f"{moment:%Y-%m-%d}  {len(report.opened)} alarms opened, {len(report.cleared)} cleared")
        finally:
            engine.dispose()
    typer.echo(
        f"Played up to {end:%Y-%m-%d %H:%M} UTC. Next: /v1/models/MODEL/alarms and /v1/models/MODEL/measurements say what was found."
    )
