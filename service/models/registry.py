"""Model packages into the registry and out again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from sqlalchemy import Connection, Engine

from service.domain import ModelVersion
from service.errors import PackageError
from service.models.loading import LoadedModel, load_model, load_package
from service.models.manifest import Manifest, parse_manifest
from service.store.audit import ON_SITE
from service.store.models import find_version, register
from service.store.objects import fetch_folder, put_folder


def register_package(
    engine: Engine, objects: str, folder: Path, *, at: datetime, actor: str = ON_SITE, state: Literal["champion", "shadow"] = "champion"
) -> ModelVersion:
    """Check a package by loading it, copy it to the object folder, and make it the champion of its model, or a shadow of that.

    The same package again is the same version. The copy is complete before any gateway can see the version.

    Raises:
        PackageError: The package is not valid, or its version is registered with other content.
    """
    manifest = load_package(folder).manifest
    with engine.begin() as connection:
        values = _as_known(connection, manifest)
        package = _package_name(manifest.name, manifest.version, values)
        version = register(
            connection,
            model=manifest.name,
            version=manifest.version,
            manifest=values,
            artifact_sha256=manifest.artifact.sha256,
            package=package,
            at=at,
            actor=actor,
            state=state,
        )
        put_folder(objects, package, folder)
    return version


def open_model(objects: str, version: ModelVersion) -> LoadedModel:
    """The model of a registered version. The registered manifest counts, not the one that lies beside the artifact.

    Raises:
        PackageError: The object folder has no such package, or its artifact is not the registered one.
    """
    manifest = parse_manifest(version.manifest)
    with TemporaryDirectory(prefix="stepwedge-") as place:
        try:
            folder = fetch_folder(objects, version.package, Path(place) / "package")
        except FileNotFoundError:
            raise PackageError("the object folder does not hold the package of this version") from None
        return load_model(folder, manifest)


def _as_known(connection: Connection, manifest: Manifest) -> Mapping[str, object]:
    """The manifest as it is registered, where it says the same: what was registered by an earlier release lacks the keys that came since."""
    known = find_version(connection, manifest.name, manifest.version)
    return known.manifest if known is not None and parse_manifest(known.manifest) == manifest else manifest.as_json()


def _package_name(model: str, version: str, values: Mapping[str, object]) -> str:
    """Folder of a package below the object folder: another content never takes the place of the first."""
    content = json.dumps(dict(values), sort_keys=True).encode()
    return f"models/{model}/{version}-{hashlib.sha256(content).hexdigest()[:16]}"
