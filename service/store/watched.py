"""Watched: what each model in service is compared to, and how far its last run went, without what either of them holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select

from service.store.tables import model_versions, reference_versions, snapshots


@dataclass(frozen=True, slots=True)
class Watched:
    """One model in service. reference_until: end of the period compared to. until: closed hour that the last run reached; computed_at: when."""

    model: str
    version: str
    reference_until: datetime | None
    until: datetime | None
    computed_at: datetime | None


def watched_models(connection: Connection) -> list[Watched]:
    """Every model in service, by name."""
    one, active = model_versions.c, reference_versions.c
    query = (
        select(one.model, one.version, active.until, snapshots.c.until, snapshots.c.computed_at)
        .outerjoin(reference_versions, and_(active.model_version == one.id, active.state == "active"))
        .outerjoin(snapshots, snapshots.c.model_version == one.id)
        .where(one.state == "champion")
        .order_by(one.model)
    )
    return [Watched(*row) for row in connection.execute(query)]
