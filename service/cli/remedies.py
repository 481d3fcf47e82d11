"""`stepwedge remedies`: what alarms asked for, decisions on it, and which version answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from sqlalchemy import Connection, Engine

from service.cli.setup import actor, database, read_settings
from service.errors import UnknownRemedyError
from service.store.canaries import standing_canary
from service.store.engine import open_engine
from service.store.models import version_by_id
from service.store.remedies import Remedy, find_remedy, remedies_of_model
from service.store.remedy_steps import Step, steps_of

if TYPE_CHECKING:
    from service.remedies.decide import Decision

remedies = typer.Typer(help="Remedies: list them, show one, decide, bring a challenger, promote it, roll back.", no_args_is_help=True)

Id = Annotated[UUID, typer.Argument(help="Id of the remedy, as `stepwedge remedies list` shows it.", show_default=False)]
Model = Annotated[str, typer.Argument(help="Name of the model.", show_default=False)]
Why = Annotated[str, typer.Option("--reason", help="Why; kept for good.", show_default=False)]
Share = Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of patients, 0 to 1.")]
Sites = Annotated[list[str] | None, typer.Option("--site", help="A site; may be given several times.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Although the comparison has not passed.")]


@remedies.command("list")
def list_remedies(model: Model) -> None:
    """List the remedies of a model, latest first."""
    with _engine() as engine, engine.connect() as connection:
        found = remedies_of_model(connection, model)
    for one in found:
        typer.echo(f"{one.id}  {one.proposed_at:%Y-%m-%d}  {one.action:<14}{one.state.replace('_', ' ')}")
    if not found:
        typer.echo("No alarm ever asked for anything.")


@remedies.command()
def show(identifier: Id) -> None:
    """Show a remedy with every step."""
    with _engine() as engine, engine.connect() as connection:
        for line in _told(connection, identifier):
            typer.echo(line)


@remedies.command()
def approve(identifier: Id, reason: Why) -> None:
    """Let a remedy be carried out."""
    from service.remedies.decide import approve as decide  # noqa: PLC0415 - pydantic takes a second to import; --help must not wait for it

    _decide(identifier, reason, lambda connection, at: decide(connection, _decision(identifier, at, reason)))


@remedies.command()
def reject(identifier: Id, reason: Why) -> None:
    """Decide against a remedy, or give up one that is on its way."""
    from service.remedies.decide import reject as decide  # noqa: PLC0415 - likewise

    _decide(identifier, reason, lambda connection, at: decide(connection, _decision(identifier, at, reason)))


@remedies.command()
def promote(identifier: Id, reason: Why, force: Force = False) -> None:
    """Let the challenger of a remedy answer; every gateway does within seconds."""
    from service.remedies.promote import promote_challenger  # noqa: PLC0415 - likewise

    _decide(identifier, reason, lambda connection, at: promote_challenger(connection, _decision(identifier, at, reason), force=force))


@remedies.command()
def canary(identifier: Id, reason: Why, share: Share = 0.0, site: Sites = None, force: Force = False) -> None:
    """Let the challenger of a remedy answer in part: films of a share of the patients, and all films of some sites."""
    from service.remedies.canary import Part, begin  # noqa: PLC0415 - likewise

    part = Part(share, tuple(site or ()))
    _decide(identifier, reason, lambda connection, at: begin(connection, _decision(identifier, at, reason), part, force=force))


@remedies.command()
def abort(identifier: Id, reason: Why) -> None:
    """Let the champion answer every film again; the challenger stays in its shadow."""
    from service.remedies.canary import abort as end  # noqa: PLC0415 - likewise

    _decide(identifier, reason, lambda connection, at: end(connection, _decision(identifier, at, reason)))


@remedies.command("roll-back")
def roll_back(model: Model, reason: Why) -> None:
    """Let the version of a model answer again that was in service before."""
    from service.remedies.promote import take_back  # noqa: PLC0415 - likewise

    with _engine() as engine, engine.begin() as connection:
        version = take_back(connection, model, Step(UUID(int=0), "rolled_back", datetime.now(UTC), actor(), reason))
    typer.echo(f"{model} {version.version} answers again; every running gateway within seconds.")


@remedies.command()
def challenger(
    identifier: Id, folder: Annotated[Path, typer.Argument(help="Folder with model.toml and its artifact.", show_default=False)]
) -> None:
    """Bring the package that a retraining made."""
    from service.remedies.callback import bring_challenger  # noqa: PLC0415 - torch takes seconds to import

    settings = read_settings()
    with _engine() as engine:
        bring_challenger(engine, settings.object_folder, identifier, folder, at=datetime.now(UTC), actor=actor())
        with engine.connect() as connection:
            for line in _told(connection, identifier):
                typer.echo(line)


def _decide(identifier: UUID, reason: str, act: Callable[[Connection, datetime], Remedy]) -> None:
    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    with _engine() as engine:
        with engine.begin() as connection:
            act(connection, datetime.now(UTC))
        with engine.connect() as connection:
            for line in _told(connection, identifier):
                typer.echo(line)


def _decision(identifier: UUID, at: datetime, reason: str) -> Decision:
    from service.remedies.decide import Decision  # noqa: PLC0415 - likewise

    return Decision(identifier, at, actor(), reason)


def _told(connection: Connection, identifier: UUID) -> Iterator[str]:
    from service.remedies.canary import Part  # noqa: PLC0415 - likewise

    remedy = find_remedy(connection, identifier)
    if remedy is None:
        raise UnknownRemedyError
    whose = version_by_id(connection, remedy.model_version or 0)
    yield f"{remedy.action} of {whose.model} {whose.version}: {remedy.state.replace('_', ' ')}"
    yield f"  proposed {remedy.proposed_at:%Y-%m-%d %H:%M} UTC by alarm {remedy.alarm}"
    if remedy.challenger is not None:
        yield f"  challenger {version_by_id(connection, remedy.challenger).version}"
    standing = standing_canary(connection, whose.model)
    if standing is not None and standing.remedy == remedy.id:
        yield f"  it answers in part: {Part(standing.share, standing.sites)}"
    if remedy.evidence_bundle is not None:
        yield f"  evidence {remedy.evidence_bundle}"
    for step in steps_of(connection, remedy.id):
        yield f"  {step.at:%Y-%m-%d %H:%M}  {step.step.replace('_', ' '):<14}{step.actor:<16}{step.reason}"


@contextmanager
def _engine() -> Iterator[Engine]:
    with database(read_settings()) as url:
        engine = open_engine(url)
        try:
            yield engine
        finally:
            engine.dispose()
