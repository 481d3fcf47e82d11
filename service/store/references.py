"""References: what a model version is compared to, frozen; one is active."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from service.access import Act, Deed, Detail
from service.errors import UnknownReferenceError
from service.store.audit import ON_SITE, append
from service.store.locks import hold_until_commit
from service.store.tables import reference_versions


@dataclass(frozen=True, slots=True)
class StoredReference:
    """A reference of the period [since, until), encoded as the detectors gave it.

    state: proposed, active or retired. excluded: stretches of the period that are no part of it, as pairs of ISO instants.
    reason: why it was activated, in the words of who did it.
    """

    id: int
    model_version: int
    since: datetime
    until: datetime
    built_at: datetime
    payload: bytes
    state: str
    excluded: Sequence[Sequence[str]] = ()
    reason: str | None = None
    activated_at: datetime | None = None


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
    draft = Draft(model_version, since, until, built_at, payload)
    return activate(connection, propose(connection, draft, actor=actor), FIRST, at=built_at, actor=actor)


FIRST = "declared when it was built"
"""The reason of a reference that was active from its building on."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A reference that is to be stored."""

    model_version: int
    since: datetime
    until: datetime
    built_at: datetime
    payload: bytes
    excluded: Sequence[tuple[datetime, datetime]] = ()


def propose(connection: Connection, draft: Draft, *, actor: str = ON_SITE) -> StoredReference:
    """Store a reference that nothing is compared to yet."""
    plain = {name: getattr(draft, name) for name in ("model_version", "since", "until", "built_at", "payload")}
    excluded = [[begin.isoformat(), end.isoformat()] for begin, end in draft.excluded]
    query = insert(reference_versions).values(**plain, excluded=excluded, state="proposed").returning(reference_versions)
    stored = StoredReference(**connection.execute(query).one()._asdict())
    details: dict[str, Detail] = {"model_version": draft.model_version, "since": draft.since.isoformat(), "until": draft.until.isoformat()}
    further: dict[str, Detail] = {"sha256": sha256(draft.payload).hexdigest(), "excluded": [f"{begin} to {end}" for begin, end in excluded]}
    append(connection, Act(draft.built_at, actor, Deed.REFERENCE_BUILT, str(stored.id), {**details, **further}))
    return stored


def activate(connection: Connection, stored: StoredReference, reason: str, *, at: datetime, actor: str = ON_SITE) -> StoredReference:
    """Make a reference that of its model version from now on; the former one retires with all that was computed against it, and is kept."""
    hold_until_commit(connection, f"reference of {stored.model_version}")
    mine = reference_versions.c.model_version == stored.model_version
    retired = update(reference_versions).where(mine, reference_versions.c.state == "active").values(state="retired")
    former: int | None = connection.scalar(retired.returning(reference_versions.c.id))
    values = {"state": "active", "reason": reason, "activated_at": at}
    mine_alone = (reference_versions.c.id == stored.id) & (reference_versions.c.state == "proposed")
    row = connection.execute(update(reference_versions).where(mine_alone).values(**values).returning(reference_versions)).one_or_none()
    if row is None:
        raise UnknownReferenceError
    active = StoredReference(**row._asdict())
    details: dict[str, Detail] = {"model_version": stored.model_version, "former": former, "reason": reason}
    append(connection, Act(at, actor, Deed.REFERENCE_ACTIVATED, str(stored.id), details))
    return active


def references_of(connection: Connection, model_version: int) -> list[StoredReference]:
    """Every reference of a model version, latest first."""
    query = select(reference_versions).where(reference_versions.c.model_version == model_version)
    return [StoredReference(**row._asdict()) for row in connection.execute(query.order_by(reference_versions.c.id.desc()))]


def find_reference(connection: Connection, identifier: int) -> StoredReference | None:
    """A reference; None where there is none of this number."""
    row = connection.execute(select(reference_versions).where(reference_versions.c.id == identifier)).one_or_none()
    return None if row is None else StoredReference(**row._asdict())


def active_reference(connection: Connection, model_version: int) -> StoredReference | None:
    """The reference that a model version is compared to now."""
    query = select(reference_versions).where(reference_versions.c.model_version == model_version, reference_versions.c.state == "active")
    row = connection.execute(query).one_or_none()
    return None if row is None else StoredReference(**row._asdict())


def reference_by_id(connection: Connection, identifier: int) -> StoredReference:
    """A reference, active or retired, that something was computed against."""
    return StoredReference(**connection.execute(select(reference_versions).where(reference_versions.c.id == identifier)).one()._asdict())
