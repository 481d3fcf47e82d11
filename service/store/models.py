"""Model versions: registered once, never changed; one of a model is its champion."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, update

from service.access import Act, Deed, Detail
from service.domain import ModelVersion
from service.errors import NoFormerVersionError, PackageError, UnknownModelError, UnknownVersionError
from service.store.audit import ON_SITE, append
from service.store.locks import hold_until_commit
from service.store.promotions import How, crown, last_coming
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
    state: Literal["champion", "shadow"] = "champion",
) -> ModelVersion:
    """Store a version. The same package again is the same version.

    Args:
        connection: In a transaction, which holds the lock of the model's champion from here on.
        model: Name of the model.
        version: Name of the version.
        manifest: model.toml as JSON.
        artifact_sha256: Digest of its artifact.
        package: Its folder below the object folder.
        at: When this is done.
        actor: Who does it.
        state: As the champion it retires the former one; as a shadow it answers nobody. Who answers already is not made a shadow.

    Raises:
        PackageError: The version is registered with other content.
    """
    hold_until_commit(connection, lock_of_champion(model))
    known = find_version(connection, model, version)
    if known is not None and (known.artifact_sha256 != artifact_sha256 or dict(known.manifest) != dict(manifest)):
        raise PackageError(TAKEN)
    if known is not None and known.state in {"champion", state}:
        return known
    if known is None:
        values = {"model": model, "version": version, "manifest": dict(manifest), "artifact_sha256": artifact_sha256, "package": package}
        query = insert(model_versions).values(**values, state="shadow", registered_at=at).returning(model_versions.c.id)
        number = connection.execute(query).scalar_one()
    else:
        number = known.id
        connection.execute(update(model_versions).where(model_versions.c.id == number).values(state="shadow"))
    if state == "champion":
        crown(connection, model, number, How.REGISTERED, at=at, actor=actor)
    return _audited(connection, version_by_id(connection, number), at, actor)


def promote(connection: Connection, version_id: int, *, at: datetime, actor: str, reason: str, remedy: UUID | None = None) -> ModelVersion:
    """Let a version answer in the place of the champion. Gateways see it within a second or two; a film on its way is answered by the former one.

    Promoting the champion changes nothing.

    Raises:
        UnknownVersionError: There is no such version.
    """
    model = version_by_id(connection, version_id).model
    hold_until_commit(connection, lock_of_champion(model))
    version = version_by_id(connection, version_id)
    if version.state == "champion":
        return version
    return _crowned(connection, version, How.PROMOTED, Deed.MODEL_PROMOTED, at=at, actor=actor, reason=reason, remedy=remedy)


def roll_back(connection: Connection, model: str, *, at: datetime, actor: str, reason: str, remedy: UUID | None = None) -> ModelVersion:
    """Let the version answer again in whose place the champion came.

    Raises:
        UnknownModelError: No version of the model is in service.
        NoFormerVersionError: The champion came in nobody's place, or by a roll-back itself.
    """
    hold_until_commit(connection, lock_of_champion(model))
    coming = last_coming(connection, model, champion(connection, model).id)
    if coming is None or coming.former is None:
        raise NoFormerVersionError
    former = version_by_id(connection, coming.former)
    return _crowned(connection, former, How.ROLLED_BACK, Deed.MODEL_ROLLED_BACK, at=at, actor=actor, reason=reason, remedy=remedy)


def retire(connection: Connection, version_id: int) -> None:
    """A challenger predicts in nobody's shadow any more."""
    mine = (model_versions.c.id == version_id) & (model_versions.c.state == "shadow")
    connection.execute(update(model_versions).where(mine).values(state="retired"))


def lock_of_champion(model: str) -> str:
    """Name the lock that whoever changes a model's champion holds."""
    return f"champion of {model}"


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


def challengers(connection: Connection, model: str | None = None) -> list[ModelVersion]:
    """The versions that predict in the shadow of a champion, of one model or of all, oldest first."""
    query = select(model_versions).where(model_versions.c.state == "shadow").order_by(model_versions.c.id)
    return [_version(row) for row in connection.execute(query if model is None else query.where(model_versions.c.model == model))]


def version_by_id(connection: Connection, identifier: int) -> ModelVersion:
    """One version by its number.

    Raises:
        UnknownVersionError: There is none.
    """
    row = connection.execute(select(model_versions).where(model_versions.c.id == identifier)).one_or_none()
    if row is None:
        raise UnknownVersionError
    return _version(row)


def versions(connection: Connection, model: str) -> list[ModelVersion]:
    """All versions of a model, newest first."""
    query = select(model_versions).where(model_versions.c.model == model).order_by(model_versions.c.id.desc())
    return [_version(row) for row in connection.execute(query)]


def versions_by_id(connection: Connection) -> dict[int, ModelVersion]:
    """Every version of every model."""
    return {row.id: _version(row) for row in connection.execute(select(model_versions))}


def _crowned(
    connection: Connection, version: ModelVersion, how: How, deed: Deed, *, at: datetime, actor: str, reason: str, remedy: UUID | None
) -> ModelVersion:
    done = crown(connection, version.model, version.id, how, at=at, actor=actor, reason=reason, remedy=remedy)
    details: dict[str, Detail] = {"model": version.model, "version": version.version, "former": done.former, "reason": reason}
    append(connection, Act(at, actor, deed, str(version.id), details))
    return version_by_id(connection, version.id)


def _audited(connection: Connection, version: ModelVersion, at: datetime, actor: str) -> ModelVersion:
    details: dict[str, Detail] = {"model": version.model, "version": version.version, "artifact_sha256": version.artifact_sha256}
    if version.state != "champion":
        details["state"] = version.state
    append(connection, Act(at, actor, Deed.MODEL_REGISTERED, str(version.id), details))
    return version


def _version(row: Row[tuple[object, ...]]) -> ModelVersion:
    return ModelVersion(**row._asdict())
