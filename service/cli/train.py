"""`stepwedge train`: the built-in trainer, so that the way from an alarm to a better model closes on one machine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from service.cli.bar import bar
from service.cli.setup import actor, database, read_settings
from service.errors import UnknownVersionError
from service.store.engine import open_engine
from service.store.models import find_version

Cases = Annotated[str, typer.Argument(help="Manifest of cases: a file, or its hash in the object folder.", show_default=False)]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder that the package is written to.", file_okay=False)]
Seed = Annotated[int, typer.Option(min=0, max=999_999, help="Seed of the order of films.")]
Answers = Annotated[UUID | None, typer.Option("--remedy", help="Bring the package as the challenger that this remedy waits for.")]
Epochs = Annotated[int, typer.Option(min=1, max=1000, help="At most so often through the films.")]


def train(cases: Cases, output: Output = Path("challenger"), *, seed: Seed = 0, epochs: Epochs = 30, remedy: Answers = None) -> None:
    """Fine-tune the version that a manifest of cases was made for, and write a model package.

    Class weights, early stopping on the validation patients, and a calibrator fitted on them. Acceptance cases are in no manifest: what comes
    out is compared on films that it never saw.
    """
    from service.remedies.callback import bring_challenger  # noqa: PLC0415 - torch takes seconds to import; --help must not wait for it
    from service.training.films import read_manifest_of_cases  # noqa: PLC0415 - likewise
    from service.training.train import train as fine_tune  # noqa: PLC0415 - likewise

    settings = read_settings()
    with database(settings) as url:
        engine = open_engine(url)
        try:
            _, manifest = read_manifest_of_cases(settings.object_folder, cases)
            with engine.connect() as connection:
                version = find_version(connection, manifest["model"], manifest["version"])
            if version is None:
                raise UnknownVersionError
            with bar("Training") as tell:
                done = fine_tune(settings.object_folder, cases, version, output, seed=seed, epochs=epochs, tell=tell)
            fitted = done.fitted
            typer.echo(
                f"{done.train} films, judged on {done.validation}: loss {fitted.before:.4f} -> {fitted.after:.4f} in {fitted.best_epoch} epochs"
            )
            typer.echo(f"{done.manifest.name} {done.manifest.version} is in {output}")
            if remedy is not None:
                bring_challenger(engine, settings.object_folder, remedy, output, at=datetime.now(UTC), actor=actor())
                typer.echo("It predicts in the champion's shadow within seconds; see it: stepwedge compare")
        finally:
            engine.dispose()
