"""References: what a model version is compared to, frozen; one is active."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from service.access import Act, Deed, Detail
from service.store.audit import ON_SITE, append
from service.store.locks import hold_until_commit
from service.store.tables import reference_versions


@dataclass(frozen=True, slots=True)
class StoredReference:
    """A reference of the period [since, until), encoded as the detectors gave it."""

    id: int
    model_version: int
    since: datetime
    until: datetime
    built_at: datetime
    payload: bytes
    state: str


def save_reference(
    connection: Connection,
    model_version: int,
    *,
    since: datetime,
    until: datetime,
    built_at: datetime,
    payload: bytes,
    actor: str = ON_SITE,
) -> StoredReference:
    """Store a reference as the active one of its model version; the former one retires with all that was computed against it."""
    hold_until_commit(connection, f"reference of {model_version}")
    former = (reference_versions.c.model_version == model_version) & (reference_versions.c.state == "active")
    connection.execute(update(reference_versions).where(former).values(state="retired"))
    values = {"model_version": model_version, "since": since, "until": until, "built_at": built_at, "payload": payload}
    query = insert(reference_versions).values(**values, state="active").returning(reference_versions)
    stored = StoredReference(**connection.execute(query).one()._asdict())
    details: dict[str, Detail] = {"model_version": model_version, "since": since.isoformat(), "until": until.isoformat()}
    append(connection, Act(built_at, actor, Deed.REFERENCE_BUILT, str(stored.id), {**details, "sha256": sha256(payload).hexdigest()}))
    return stored


def active_reference(connection: Connection, model_version: int) -> StoredReference | None:
    """The reference that a model version is compared to now."""
    query = select(reference_versions).where(reference_versions.c.model_version == model_version, reference_versions.c.state == "active")
    row = connection.execute(query).one_or_none()
    return None if row is None else StoredReference(**row._asdict())


def reference_by_id(connection: Connection, identifier: int) -> StoredReference:
    """A reference, active or retired, that something was computed against."""
    return StoredReference(**connection.execute(select(reference_versions).where(reference_versions.c.id == identifier)).one()._asdict())
