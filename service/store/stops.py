"""Stops: models that were taken out of service for a reason, and came back for another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from service.access import Act, Deed
from service.store.audit import append
from service.store.locks import hold_until_commit
from service.store.tables import stops


@dataclass(frozen=True, slots=True)
class Stop:
    """A model that answers nobody since `stopped_at`, until `resumed_at` (None: still). reason: what callers are told."""

    model: str
    stopped_at: datetime
    stopped_by: str
    reason: str
    remedy: UUID | None = None
    resumed_at: datetime | None = None
    resumed_by: str | None = None
    resume_reason: str | None = None


def stop_model(connection: Connection, stop: Stop) -> bool:
    """Take a model out of service; every gateway refuses its films within a second or two. False where it stands still already."""
    hold_until_commit(connection, f"champion of {stop.model}")
    if standing(connection, stop.model) is not None:
        return False
    connection.execute(insert(stops).values(**{name: getattr(stop, name) for name in Stop.__slots__}))
    append(connection, Act(stop.stopped_at, stop.stopped_by, Deed.MODEL_STOPPED, stop.model, {"reason": stop.reason}))
    return True


def resume_model(connection: Connection, model: str, *, at: datetime, actor: str, reason: str) -> bool:
    """Let a model answer again; false where it does."""
    hold_until_commit(connection, f"champion of {model}")
    mine = (stops.c.model == model) & stops.c.resumed_at.is_(None)
    changed = connection.execute(update(stops).where(mine).values(resumed_at=at, resumed_by=actor, resume_reason=reason)).rowcount
    if changed:
        append(connection, Act(at, actor, Deed.MODEL_RESUMED, model, {"reason": reason}))
    return bool(changed)


def standing(connection: Connection, model: str) -> Stop | None:
    """Why a model is out of service now; None where it is not."""
    return next((stop for stop in all_standing(connection) if stop.model == model), None)


def all_standing(connection: Connection) -> list[Stop]:
    """Every model that is out of service now, by name."""
    return sorted(_stops(connection, stand=True), key=lambda stop: stop.model)


def stops_of(connection: Connection, model: str) -> list[Stop]:
    """Every stop of a model, latest first."""
    return [one for one in reversed(_stops(connection, stand=False)) if one.model == model]


def _stops(connection: Connection, *, stand: bool) -> list[Stop]:
    columns = [column for column in stops.c if column.name != "id"]
    query = select(*columns).order_by(stops.c.id)
    return [Stop(**row._asdict()) for row in connection.execute(query.where(stops.c.resumed_at.is_(None)) if stand else query)]
