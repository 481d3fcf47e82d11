"""`stepwedge alarms`: what they say, what other libraries say of them, and whether they come out the same again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy import Connection

from service.cli.bar import bar
from service.cli.setup import actor, database, read_settings
from service.domain import Alarm
from service.errors import SetupError, UnknownAlarmError
from service.review.verdicts import FOLDER, Confirmation, EvidentlyReport
from service.store.alarms import alarms_of, find_alarm
from service.store.blobs import fetch_blob
from service.store.engine import connected, open_engine
from service.store.models import champion
from service.store.reviews import Kind, Review, reviews_of

alarms = typer.Typer(help="Alarms: list them, show one, have it reviewed, compute it anew.", no_args_is_help=True)

Id = Annotated[UUID, typer.Argument(help="Id of the alarm, as `stepwedge alarms list` shows it.", show_default=False)]
Output = Annotated[Path | None, typer.Option("--output", help="File to write the page to.", dir_okay=False, show_default=False)]
Again = Annotated[bool, typer.Option("--again", help="Make it anew where one is attached already.")]
Films = Annotated[int, typer.Option("--films", min=20, max=2000, help="Films that are drawn of each stretch.")]


@alarms.command("list")
def list_alarms(model: Annotated[str, typer.Argument(help="Name of the model.", show_default=False)]) -> None:
    """List the alarms of a model's version in service, latest first."""
    with database(read_settings()) as url, connected(url) as connection:
        found = alarms_of(connection, champion(connection, model).id)
    for alarm in found:
        state = "open" if alarm.cleared_at is None else f"cleared {alarm.cleared_at:%Y-%m-%d}"
        typer.echo(f"{alarm.id}  {alarm.opened_at:%Y-%m-%d}  {alarm.kind:<12}{state:<20}{alarm.summary}")
    if not found:
        typer.echo("No alarm was ever opened.")


@alarms.command()
def show(identifier: Id) -> None:
    """Show an alarm with all that carries it, and what is attached to it."""
    with database(read_settings()) as url, connected(url) as connection:
        alarm = known(connection, identifier)
        attached = reviews_of(connection, identifier)
    for line in (*told(alarm), *reviewed(attached)):
        typer.echo(line)


@alarms.command()
def confirm(identifier: Id, films: Films = 500) -> None:
    """Ask alibi-detect about an alarm: three two-sample tests on a seeded draw of films. It confirms or not; it decides nothing.

    Needs the extra `alibi` and, because of its licence, STEPWEDGE_ALIBI_LICENCE. Takes about a minute, in a process of its own.
    """
    from service.review.confirm import confirm as ask  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it
    from service.review.licence import need_alibi  # noqa: PLC0415 - likewise

    settings = read_settings()
    need_alibi(settings)
    with database(settings) as url:
        engine = open_engine(url)
        try:
            with engine.connect() as connection:
                alarm = known(connection, identifier)
            with bar("Confirming") as tell:
                ask(engine, settings, alarm, at=datetime.now(UTC), tell=tell, films=films, actor=actor())
            with engine.connect() as connection:
                attached = reviews_of(connection, identifier)
        finally:
            engine.dispose()
    for line in confirmed(attached[Kind.CONFIRMATION]):
        typer.echo(line)


@alarms.command()
def report(identifier: Id, output: Output = None, films: Films = 500, again: Again = False) -> None:
    """Have Evidently compare the alarm's films with the reference's, column by column, and attach the page (HTML) to the alarm.

    Needs the extra `reports`. The page is kept in the object folder; the gateway serves it at /v1/models/MODEL/alarms/ID/report.
    """
    from service.review.licence import need_evidently  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it
    from service.review.report import report as write  # noqa: PLC0415 - likewise

    settings = read_settings()
    with database(settings) as url:
        engine = open_engine(url)
        try:
            with engine.connect() as connection:
                alarm = known(connection, identifier)
                attached = reviews_of(connection, identifier).get(Kind.REPORT)
            if attached is None or again:
                need_evidently()
                with bar("Comparing") as tell:
                    found = write(engine, settings, alarm, at=datetime.now(UTC), tell=tell, films=films, actor=actor())
            else:
                found = EvidentlyReport.restore(attached.payload)
        finally:
            engine.dispose()
    typer.echo(f"Evidently {found.version}: {found.summary}.")
    if output is not None:
        output.write_bytes(fetch_blob(settings.object_folder, FOLDER, found.sha256))
        typer.echo(f"The page is in {output}")


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


def known(connection: Connection, identifier: UUID) -> Alarm:
    alarm = find_alarm(connection, identifier)
    if alarm is None:
        raise UnknownAlarmError
    return alarm


def told(alarm: Alarm) -> Iterator[str]:
    """What an alarm says."""
    yield alarm.summary
    over = "open" if alarm.cleared_at is None else f"cleared {alarm.cleared_at:%Y-%m-%d}"
    yield f"  {alarm.kind}, in {alarm.cell}; since about {alarm.since:%Y-%m-%d}, opened {alarm.opened_at:%Y-%m-%d}, {over}; evidence {alarm.evidence:.2f}"
    yield f"  judged under reference {alarm.reference}"
    for one in alarm.carriers:
        way = "higher" if one.side == "high" else "lower"
        hidden = one.rate is None or one.n is None
        moved = (
            f"{one.reference_rate:.3f} -> {way}, of too few patients to say more"
            if hidden
            else f"{one.reference_rate:.3f} -> {one.rate:.3f} of {one.n}"
        )
        yield f"  {one.evidence:>8.2f}  {one.series:<56}{moved}"


def reviewed(attached: Mapping[Kind, Review]) -> Iterator[str]:
    """What is attached to an alarm; what could be and is not."""
    if Kind.CONFIRMATION in attached:
        yield from confirmed(attached[Kind.CONFIRMATION])
    else:
        yield "Nobody has confirmed it yet: stepwedge alarms confirm ID"
    if Kind.REPORT in attached:
        page = attached[Kind.REPORT]
        found = EvidentlyReport.restore(page.payload)
        yield f"Report, {page.made_at:%Y-%m-%d %H:%M} UTC, Evidently {found.version}: {found.summary}"
    else:
        yield "It has no report yet: stepwedge alarms report ID"


def confirmed(review: Review) -> Iterator[str]:
    """What alibi-detect said of it."""
    found = Confirmation.restore(review.payload)
    yield f"Confirmation, {review.made_at:%Y-%m-%d %H:%M} UTC, alibi-detect {found.version}, seed {found.seed}: {found.summary}"
    yield f"  {'test':<12}{'space':<32}{'statistic':>10}{'p':>9}{'films':>12}{'p when quiet':>14}"
    for one in found.tests:
        films = f"{one.n_reference} / {one.n_window}"
        yield f"  {one.test:<12}{one.space:<32}{one.statistic:>10.4f}{p_value(one.p_value):>9}{films:>12}{p_value(one.quiet_p_value):>14}"
    if found.left_out:
        yield f"  Could not be made of these films: {', '.join(found.left_out)}"
    yield f"  A test differs at p <= {found.level:.4f}. The alarm does not rest on this, and would stand without it."


def p_value(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
