"""`stepwedge worklist`: films to have read next."""

from __future__ import annotations

import csv
import secrets
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.setup import database, read_settings
from service.errors import SetupError
from service.store.engine import connected
from service.store.models import champion

if TYPE_CHECKING:  # scipy takes a second to import; --help must not wait for it
    from detectors.measurement import Interval

Model = Annotated[str, typer.Argument(help="Name of the model.", show_default=False)]
Reads = Annotated[int, typer.Option("--reads", "-n", min=1, max=1000, help="How many films.")]
Days = Annotated[int, typer.Option("--days", min=1, max=366, help="From the last so many days.")]
Of = Annotated[str | None, typer.Option("--finding", help="The finding in question; default is all of them.", show_default=False)]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="A seed that was used gives the same films again.", show_default=False)]
Until = Annotated[datetime | None, typer.Option("--until", help="End of the days, in UTC; default is now.", show_default=False)]


def worklist(  # noqa: PLR0917 - typer reads options from parameters
    model: Model, reads: Reads = 50, days: Days = 30, finding: Of = None, seed: Seed = None, until: Until = None
) -> None:
    """Draw films to read from those that nobody has read, as CSV; what that is expected to buy goes to standard error.

    Send their labels with asked=true, and the probabilities that are kept make them count for the films that were not read.
    """
    from service.worker.subject import subject_of  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it
    from service.worker.worklist import worklist as drawn  # noqa: PLC0415 - as above

    end = until.replace(tzinfo=UTC) if until else datetime.now(UTC)
    with database(read_settings()) as url, connected(url) as connection:
        subject = subject_of(connection, champion(connection, model))
        if subject is None:
            raise SetupError("The model has no reference yet: stepwedge reference.")
        if finding is not None and finding not in subject.reference.plan.findings:
            raise SetupError(f"The model has no such finding, only {', '.join(subject.reference.plan.findings)}.")
        chance = secrets.randbelow(2**53) if seed is None else seed
        found = drawn(connection, subject, end, days=days, reads=reads, finding=finding, seed=chance)
    writer = csv.writer(sys.stdout)
    writer.writerow(("prediction", "probability", "reason"))
    writer.writerows((film.prediction, f"{film.probability:.6g}", film.reason) for film in found.films)
    typer.echo(f"{len(found.films)} of {found.frame} unread films, seed {found.seed}.", err=True)
    for one in found.buys:
        typer.echo(
            f"  {one.finding} {one.rate}: now {one.reason or span(one.interval)}; expected after these reads {span(one.expected)}", err=True
        )


def span(interval: Interval | None) -> str:
    return "unknown" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
