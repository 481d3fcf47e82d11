"""Model versions: registered once, never changed; one of a model is its champion."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from service.access import Act, Deed, Detail
from service.domain import ModelVersion
from service.errors import PackageError, UnknownModelError
from service.store.audit import ON_SITE, append
from service.store.locks import hold_until_commit
from service.store.tables import model_versions

TAKEN = "This version of the model is registered already, with other content. Give the changed package a new version."


def register(
    connection: Connection,
    *,
    model: str,
    version: str,
    manifest: Mapping[str, object],
    artifact_sha256: str,
    package: str,
    at: datetime,
    actor: str = ON_SITE,
) -> ModelVersion:
    """Store a version as the champion of its model and retire the former one. The same package again is the same version.

    Raises:
        PackageError: The version is registered with other content.
    """
    hold_until_commit(connection, f"champion of {model}")
    known = find_version(connection, model, version)
    if known is None:
        _retire_champion(connection, model)
        values = {"model": model, "version": version, "manifest": dict(manifest), "artifact_sha256": artifact_sha256, "package": package}
        query = insert(model_versions).values(**values, state="champion", registered_at=at).returning(model_versions)
        return _audited(connection, _version(connection.execute(query).one()), at, actor)
    if known.artifact_sha256 != artifact_sha256 or dict(known.manifest) != dict(manifest):
        raise PackageError(TAKEN)
    return known if known.state == "champion" else _audited(connection, _promote(connection, known), at, actor)


def find_version(connection: Connection, model: str, version: str) -> ModelVersion | None:
    """One version of a model."""
    query = select(model_versions).where(model_versions.c.model == model, model_versions.c.version == version)
    row = connection.execute(query).one_or_none()
    return None if row is None else _version(row)


def champion(connection: Connection, model: str) -> ModelVersion:
    """The version of a model that answers.

    Raises:
        UnknownModelError: No version of it is in service.
    """
    query = select(model_versions).where(model_versions.c.model == model, model_versions.c.state == "champion")
    row = connection.execute(query).one_or_none()
    if row is None:
        raise UnknownModelError
    return _version(row)


def champions(connection: Connection) -> list[ModelVersion]:
    """The versions that answer, by model."""
    query = select(model_versions).where(model_versions.c.state == "champion").order_by(model_versions.c.model)
    return [_version(row) for row in connection.execute(query)]


def versions(connection: Connection, model: str) -> list[ModelVersion]:
    """All versions of a model, newest first."""
    query = select(model_versions).where(model_versions.c.model == model).order_by(model_versions.c.id.desc())
    return [_version(row) for row in connection.execute(query)]


def versions_by_id(connection: Connection) -> dict[int, ModelVersion]:
    """Every version of every model."""
    return {row.id: _version(row) for row in connection.execute(select(model_versions))}


def _retire_champion(connection: Connection, model: str) -> None:
    former = (model_versions.c.model == model) & (model_versions.c.state == "champion")
    connection.execute(update(model_versions).where(former).values(state="retired"))


def _promote(connection: Connection, known: ModelVersion) -> ModelVersion:
    _retire_champion(connection, known.model)
    query = update(model_versions).where(model_versions.c.id == known.id).values(state="champion").returning(model_versions)
    return _version(connection.execute(query).one())


def _audited(connection: Connection, version: ModelVersion, at: datetime, actor: str) -> ModelVersion:
    details: dict[str, Detail] = {"model": version.model, "version": version.version, "artifact_sha256": version.artifact_sha256}
    append(connection, Act(at, actor, Deed.MODEL_REGISTERED, str(version.id), details))
    return version


def _version(row: Row[tuple[object, ...]]) -> ModelVersion:
    return ModelVersion(**row._asdict())
