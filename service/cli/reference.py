"""`stepwedge reference`: what a model is compared to, declared by a person for a reason, after a look at what it would change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy import Connection, Engine

from service.cli.setup import actor, database, read_settings
from service.domain import ModelVersion
from service.errors import SetupError, UnknownReferenceError
from service.models.manifest import parse_manifest
from service.store.engine import connected, open_engine
from service.store.models import champion, versions_by_id
from service.store.references import StoredReference, active_reference, find_reference, references_of

reference = typer.Typer(help="What a model is compared to: build it, propose another one, activate it.", no_args_is_help=True)

FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M"]
SHOWN = 20
REASON = 10
Model = Annotated[str, typer.Argument(help="Name of the model; its version in service is meant.", show_default=False)]
Since = Annotated[datetime, typer.Option("--since", formats=FORMATS, help="First hour of the period, in UTC.", show_default=False)]
Until = Annotated[datetime, typer.Option("--until", formats=FORMATS, help="End of the period, in UTC.", show_default=False)]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", help="Stretch of the period that is no part of it, FIRST/END as days in UTC; any number of times."),
]
Stratum = Annotated[
    str | None,
    typer.Option(
        "--stratum",
        help="Declared subgroup, such as site: each of its values is compared with its own films of the period. none: no longer.",
    ),
]
NO_STRATUM = "none"
Id = Annotated[int, typer.Argument(help="Number of the reference, as `stepwedge reference list` shows it.", show_default=False)]
Reason = Annotated[
    str, typer.Option("--reason", help="Why this is normal from now on, for the audit log; no names of persons.", show_default=False)
]


@reference.command()
def build(model: Model, since: Since, until: Until, without: Without = None, stratum: Stratum = None) -> None:
    """Declare the first period in which a version did good work: from its end on, the worker compares everything to it.

    Only where the version has no reference yet. Another one is proposed, looked at, and activated for a reason.
    """
    from service.worker.reference import activate_reference  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it

    with model_of(model) as (engine, version):
        with engine.connect() as connection:
            active = active_reference(connection, version.id)
        if active is not None:
            raise SetupError(
                f"{version.model} {version.version} is compared to reference {active.id} already. "
                f"See what another one would change: stepwedge reference propose {version.model} --since DAY --until DAY"
            )
        stored = proposal(engine, version, since, until, without, stratum=stratum)
        activate_reference(engine, version, stored, "the first reference of this version", at=datetime.now(UTC), actor=actor())
    typer.echo(f"{version.model} {version.version} is compared to {period(stored)} from now on (reference {stored.id}).")
    typer.echo("The worker's next pass judges what came after it.")


@reference.command()
def propose(model: Model, since: Since, until: Until, without: Without = None, stratum: Stratum = None) -> None:
    """Build another reference and show what it would change. Nothing is compared to it until it is activated."""
    with model_of(model) as (engine, version):
        stored = proposal(engine, version, since, until, without, stratum=stratum)
        with engine.connect() as connection:
            for line in shown(connection, stored):
                typer.echo(line)
    typer.echo(f"Nothing has changed yet. To compare everything to it: stepwedge reference activate {stored.id} --reason TEXT")


@reference.command("list")
def list_references(model: Model) -> None:
    """List the references of a model's version in service, latest first."""
    with database(read_settings()) as url, connected(url) as connection:
        for one in references_of(connection, champion(connection, model).id):
            since = f"since {one.activated_at:%Y-%m-%d %H:%M}" if one.activated_at else ""
            typer.echo(f"{one.id:>5}  {one.state:<9}{period(one)}  {since}  {one.reason or ''}".rstrip())


@reference.command()
def show(identifier: Id) -> None:
    """Show what a reference changes against the one that is active."""
    with database(read_settings()) as url, connected(url) as connection:
        stored = known(find_reference(connection, identifier))
        for line in shown(connection, stored):
            typer.echo(line)


@reference.command()
def activate(identifier: Id, reason: Reason) -> None:
    """Compare a model to a proposed reference from now on, for a reason that stands in the audit log.

    The former one is kept. Alarms that are open against it are over and stay judged under it; evidence begins at zero.
    """
    from service.worker.reference import activate_reference  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it

    if len(reason.strip()) < REASON:
        raise SetupError("--reason says in a sentence why this is normal from now on.")
    with database(read_settings()) as url:
        engine = open_engine(url)
        try:
            with engine.connect() as connection:
                stored = known(find_reference(connection, identifier))
                version = versions_by_id(connection)[stored.model_version]
            activate_reference(engine, version, stored, reason.strip(), at=datetime.now(UTC), actor=actor())
        finally:
            engine.dispose()
    typer.echo(f"{version.model} {version.version} is compared to {period(stored)} from now on (reference {stored.id}).")
    typer.echo("The worker's next pass tallies and judges anew what came after it.")


@contextmanager
def model_of(model: str) -> Iterator[tuple[Engine, ModelVersion]]:
    """The store, and the version of a model that is in service."""
    with database(read_settings()) as url:
        engine = open_engine(url)
        try:
            with engine.connect() as connection:
                version = champion(connection, model)
            yield engine, version
        finally:
            engine.dispose()


def proposal(
    engine: Engine, version: ModelVersion, since: datetime, until: datetime, without: Sequence[str] | None, *, stratum: str | None
) -> StoredReference:
    """Build a reference that nothing is compared to yet."""
    from service.worker.reference import propose_reference  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it

    declared = parse_manifest(version.manifest).monitoring.subgroups
    if stratum not in {None, NO_STRATUM, *declared}:
        raise SetupError(f"--stratum is one of the subgroups that model.toml declares: {', '.join(declared) or 'there is none'}.")
    own = "" if stratum == NO_STRATUM else stratum
    stretch = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    excluded = [stretch_of(one) for one in without or ()]
    return propose_reference(engine, version, *stretch, at=datetime.now(UTC), excluded=excluded, actor=actor(), stratum=own)


def stretch_of(text: str) -> tuple[datetime, datetime]:
    """FIRST/END as two instants."""
    try:
        first, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in text.split("/"))
    except ValueError:
        raise SetupError("--without is FIRST/END, two days such as 2026-03-02/2026-03-09.") from None
    if first >= end:
        raise SetupError("--without: FIRST must lie before END.")
    return first, end


def known(stored: StoredReference | None) -> StoredReference:
    if stored is None:
        raise UnknownReferenceError("There is no reference of this number.")
    return stored


def period(stored: StoredReference) -> str:
    """Of what a reference was made."""
    without = "".join(f", without {begin[:10]} to {end[:10]}" for begin, end in stored.excluded)
    return f"{stored.since:%Y-%m-%d %H:%M} to {stored.until:%Y-%m-%d %H:%M} UTC{without}"


def shown(connection: Connection, stored: StoredReference) -> Iterator[str]:
    """A reference, and what it would accept that the active one would page for."""
    from detectors.rebaseline import changes  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it
    from detectors.reference import Reference  # noqa: PLC0415 - likewise
    from service.worker.reference import period_under  # noqa: PLC0415 - likewise

    new, active = Reference.from_bytes(stored.payload), active_reference(connection, stored.model_version)
    yield f"Reference {stored.id} ({stored.state}): {period(stored)}; {new.tallies['all'].n} films of {new.days} days, {len(new.series)} series"
    yield f"  Budget: {new.plan.alarms_per_year:g} false alarms a year over all of them, as the manifest declares; a new reference does not raise it."
    for cell, own in new.strata.items():
        if cell != "all":
            films = f"{new.tallies[cell].n} films"
            yield f"  {cell} is compared with {f'its own {films}' if own == cell else f'the whole: it has {films} of its own'}."
    days = (datetime.now(UTC) - stored.until) // timedelta(days=1)
    yield f"  Evidence begins at zero. {max(days, 0)} days since its end are judged under it, also those that were judged under another one."
    if active is None or active.id == stored.id:
        return
    old = Reference.from_bytes(active.payload)
    found = changes(old, period_under(connection, versions_by_id(connection)[stored.model_version], stored, old))
    beyond = sum(one.beyond for one in found)
    yield f"Against reference {active.id} ({period(active)}): {beyond} of {len(found)} series lie beyond its bands."
    yield "What lies beyond them would page under the old one; to activate the new one is to accept it."
    for one in found[:SHOWN]:
        mark = "beyond" if one.beyond else ""
        yield f"  {mark:<8}{one.name:<60}{one.old:>7.3f} -> {one.new:<7.3f} odds x {one.odds_ratio:.2f} ({one.old_trials} / {one.new_trials})"
