"""Canaries: challengers that answer in part, the films of some patients or of some sites, until they are promoted or given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, update

from service.access import Act, Deed, Detail
from service.store.audit import append
from service.store.ids import uuid7_floor
from service.store.tables import canaries, predictions


@dataclass(frozen=True, slots=True)
class Canary:
    """A challenger that answers in part since `begun_at`, until `ended_at` (None: still).

    share: of patients whose films it answers, 0 to 1. sites: whose films it answers, all of them.
    """

    model: str
    version: int
    remedy: UUID
    share: float
    sites: tuple[str, ...]
    begun_at: datetime
    begun_by: str
    reason: str
    ended_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str | None = None


def begin_canary(connection: Connection, canary: Canary) -> None:
    """Let a challenger answer in part. The caller holds the lock of the model's champion, and has ended the one that stood."""
    connection.execute(insert(canaries).values(**{name: getattr(canary, name) for name in Canary.__slots__}))
    details: dict[str, Detail] = {"model": canary.model, "share": f"{canary.share:g}", "sites": list(canary.sites), "reason": canary.reason}
    append(connection, Act(canary.begun_at, canary.begun_by, Deed.CANARY_BEGUN, str(canary.version), details))


def end_canary(connection: Connection, model: str, *, at: datetime, actor: str, reason: str) -> Canary | None:
    """Let the champion answer every film again; None where it does. The caller holds the lock of the model's champion."""
    standing = standing_canary(connection, model)
    if standing is None:
        return None
    mine = (canaries.c.model == model) & canaries.c.ended_at.is_(None)
    connection.execute(update(canaries).where(mine).values(ended_at=at, ended_by=actor, end_reason=reason))
    append(connection, Act(at, actor, Deed.CANARY_ENDED, str(standing.version), {"model": model, "reason": reason}))
    return standing


def standing_canary(connection: Connection, model: str) -> Canary | None:
    """The challenger of a model that answers in part now; None where the champion answers alone."""
    return next((one for one in standing_canaries(connection) if one.model == model), None)


def standing_canaries(connection: Connection) -> list[Canary]:
    """Every challenger that answers in part now, by model."""
    return sorted(_canaries(connection, stand=True), key=lambda one: one.model)


def canaries_of(connection: Connection, model: str) -> list[Canary]:
    """Every canary of a model, latest first."""
    return [one for one in reversed(_canaries(connection, stand=False)) if one.model == model]


def mixes_between(connection: Connection, model: str, since: datetime, until: datetime) -> bool:
    """Whether a challenger answered whole sites in [since, until], so that the champion saw another mix of films than usual."""
    return any(
        one.sites and one.begun_at <= until and (one.ended_at is None or one.ended_at >= since) for one in canaries_of(connection, model)
    )


def count_answered(connection: Connection, canary: Canary) -> int:
    """Films that it has answered; those of the second or two in which gateways learn of its end are not counted."""
    until = uuid7_floor(canary.ended_at) if canary.ended_at is not None else UUID(int=2**128 - 1)
    mine = (predictions.c.model_version == canary.version) & predictions.c.id.between(uuid7_floor(canary.begun_at), until)
    return connection.scalar(select(func.count()).select_from(predictions).where(mine)) or 0


def _canaries(connection: Connection, *, stand: bool) -> list[Canary]:
    columns = [column for column in canaries.c if column.name != "id"]
    query = select(*columns).order_by(canaries.c.id)
    rows = connection.execute(query.where(canaries.c.ended_at.is_(None)) if stand else query)
    return [Canary(**{**row._asdict(), "sites": tuple(row.sites)}) for row in rows]
