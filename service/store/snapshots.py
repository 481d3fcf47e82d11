"""Snapshots: the last completed run of each model version, as it is exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from service.store.tables import model_versions, reference_versions, series_readings, snapshots


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """What a run that ended at the closed hour `until` had to say, and when it was computed."""

    model: str
    version: str
    model_version: int
    until: datetime
    computed_at: datetime
    payload: Mapping[str, Any]


def save_snapshot(
    connection: Connection, model_version: int, *, until: datetime, computed_at: datetime, payload: Mapping[str, Any]
) -> None:
    """Put a run in the place of the former one, unless that went further."""
    values = {"until": until, "computed_at": computed_at, "payload": dict(payload)}
    statement = insert(snapshots).values(model_version=model_version, **values)
    newer = snapshots.c.until <= statement.excluded.until
    connection.execute(statement.on_conflict_do_update(index_elements=["model_version"], set_=values, where=newer))


def last_pass(connection: Connection, model: str) -> tuple[int, int | None, datetime | None] | None:
    """Version in service, its active reference, and when its last run was computed; two that are equal say the same of all that a run computes."""
    active = reference_versions
    query = (
        select(model_versions.c.id, active.c.id, snapshots.c.computed_at)
        .outerjoin(active, (active.c.model_version == model_versions.c.id) & (active.c.state == "active"))
        .outerjoin(snapshots, snapshots.c.model_version == model_versions.c.id)
        .where(model_versions.c.model == model, model_versions.c.state == "champion")
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def save_series(connection: Connection, reference: int, payload: bytes) -> None:
    """Put where the series of a reference stand in the place of where they stood."""
    statement = insert(series_readings).values(reference=reference, payload=payload)
    connection.execute(statement.on_conflict_do_update(index_elements=["reference"], set_={"payload": payload}))


def load_series(connection: Connection, reference: int) -> bytes | None:
    """Where the series of a reference stand; None before anything was judged."""
    return connection.scalar(select(series_readings.c.payload).where(series_readings.c.reference == reference))


def champion_snapshots(connection: Connection) -> list[StoredSnapshot]:
    """The last runs of the versions in service, by model."""
    return _stored(connection, model_versions.c.state == "champion")


def find_snapshot(connection: Connection, model_version: int) -> StoredSnapshot | None:
    """The last run of a version."""
    found = _stored(connection, model_versions.c.id == model_version)
    return found[0] if found else None


def _stored(connection: Connection, condition: Any) -> list[StoredSnapshot]:  # noqa: ANN401 - SQLAlchemy's own type of a condition is as wide
    query = (
        select(model_versions.c.model, model_versions.c.version, snapshots)
        .join(model_versions, model_versions.c.id == snapshots.c.model_version)
        .where(condition)
        .order_by(model_versions.c.model)
    )
    return [StoredSnapshot(**row._asdict()) for row in connection.execute(query)]
