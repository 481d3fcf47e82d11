"""`stepwedge register`: a model package into service."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from service.cli.setup import actor, address_of, database, read_settings

Folder = Annotated[Path, typer.Argument(help="Folder with model.toml and its artifact.", show_default=False)]


def register(folder: Folder) -> None:
    """Check a model package, store it, and make it the version that answers. The same package again changes nothing."""
    settings = read_settings()
    from service.models.registry import register_package  # noqa: PLC0415 - torch takes seconds to import; --help must not wait for it
    from service.store.engine import open_engine  # noqa: PLC0415 - likewise

    with database(settings) as url:
        engine = open_engine(url)
        try:
            version = register_package(engine, settings.object_folder, folder, at=datetime.now(UTC), actor=actor())
        finally:
            engine.dispose()
    address = f"{address_of(settings)}/v1/models/{version.model}"
    typer.echo(f"{version.model} {version.version} is registered; every running gateway serves it within seconds.")
    typer.echo(f"  See it        curl -H 'Authorization: Bearer KEY' {address}")
    typer.echo(
        f"  Send a film   curl --data-binary @film.dcm -H 'Content-Type: application/dicom' -H 'Authorization: Bearer KEY' {address}/predictions"
    )
    typer.echo(f"  Watch it      after some weeks of good work: stepwedge reference build {version.model} --since DATE --until DATE")
