"""Model packages into the registry and out again."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from service.domain import ModelVersion
from service.errors import PackageError
from service.models.loading import LoadedModel, load_model, load_package
from service.models.manifest import Manifest, parse_manifest
from service.store.audit import ON_SITE
from service.store.models import register
from service.store.objects import fetch_folder, put_folder


def register_package(engine: Engine, objects: str, folder: Path, *, at: datetime, actor: str = ON_SITE) -> ModelVersion:
    """Check a package by loading it, copy it to the object folder, and make it the champion of its model.

    The same package again is the same version. The copy is complete before any gateway can see the version.

    Raises:
        PackageError: The package is not valid, or its version is registered with other content.
    """
    manifest = load_package(folder).manifest
    package = _package_name(manifest)
    with engine.begin() as connection:
        version = register(
            connection,
            model=manifest.name,
            version=manifest.version,
            manifest=manifest.as_json(),
            artifact_sha256=manifest.artifact.sha256,
            package=package,
            at=at,
            actor=actor,
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


def _package_name(manifest: Manifest) -> str:
    """Folder of a package below the object folder: another content never takes the place of the first."""
    content = json.dumps(manifest.as_json(), sort_keys=True).encode()
    return f"models/{manifest.name}/{manifest.version}-{hashlib.sha256(content).hexdigest()[:16]}"
