"""Call-back: whoever retrained brings a package; it is checked by loading it, registered as a shadow, and challenges the champion.

The package lies in the object folder, where it was put file by file, or is a folder of this machine. Lost: it is sent again. Twice: the
second changes nothing. Late, after the remedy was given up: refused, and nothing is registered.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

from sqlalchemy import Engine

from service.errors import PackageError
from service.models.loading import load_package
from service.models.manifest import MANIFEST, MANIFEST_BYTES, Manifest, parse_manifest, read_manifest
from service.models.registry import register_package
from service.remedies.handover import expect_challenger, take_challenger
from service.store.blobs import fetch_named
from service.store.models import champion, find_version, version_by_id
from service.store.remedies import Remedy

PLACE: Final = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,255}")


def bring_challenger(engine: Engine, objects: str, remedy: UUID, folder: Path, *, at: datetime, actor: str) -> Remedy:
    """Register the package of a folder as the challenger of a remedy.

    Raises:
        UnknownRemedyError, RemedyStateError: Nobody waits for one here.
        PackageError: It is not valid, of another model, or the version that answers already.
    """
    with engine.begin() as connection:
        waiting = expect_challenger(connection, remedy)
        model = version_by_id(connection, waiting.model_version or 0).model
    manifest = load_package(folder).manifest
    check_name(engine, model, manifest)
    version = register_package(engine, objects, folder, at=at, actor=actor, state="shadow")
    with engine.begin() as connection:
        return take_challenger(connection, expect_challenger(connection, remedy), version, at=at, actor=actor)


def fetch_package(objects: str, place: str, target: Path) -> Path:
    """Copy a package from its place below the object folder: its manifest, and the artifact that this names.

    Raises:
        PackageError: There is none.
    """
    if not PLACE.fullmatch(place):
        raise PackageError("The place of a package is a path below the object folder.")
    try:
        content = fetch_named(objects, f"{place}/{MANIFEST}")
        target.mkdir()
        (target / MANIFEST).write_bytes(content[: MANIFEST_BYTES + 1])
        name = read_manifest(target).artifact.file
        (target / name).write_bytes(fetch_named(objects, f"{place}/{name}"))
    except OSError:
        raise PackageError(f"There is no {MANIFEST} with its artifact at this place of the object folder.") from None
    return target


def bring_from(engine: Engine, objects: str, remedy: UUID, place: str, *, at: datetime, actor: str) -> Remedy:
    """`bring_challenger`, of a package in the object folder."""
    with engine.begin() as connection:
        expect_challenger(connection, remedy)
    with TemporaryDirectory(prefix="stepwedge-") as folder:
        return bring_challenger(engine, objects, remedy, fetch_package(objects, place, Path(folder) / "package"), at=at, actor=actor)


def check_name(engine: Engine, model: str, manifest: Manifest) -> None:
    """Pass, if this can be a challenger of the model: nothing is registered before that is known.

    Raises:
        PackageError: It is a version of another model, or the one that answers.
    """
    if manifest.name != model:
        raise PackageError("A challenger is a new version of the same model.")
    with engine.connect() as connection:
        known = find_version(connection, model, manifest.version)
        current = champion(connection, model)
    if known is not None and known.id == current.id:
        raise PackageError("This version answers already; a challenger needs a new name of its own.")
    if manifest.finding_names != parse_manifest(current.manifest).finding_names:
        raise PackageError("A challenger has the findings of the champion, in the same order.")
