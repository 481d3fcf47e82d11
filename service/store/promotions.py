"""Promotions: which version of a model answered from when on, in whose place, and why. Rows are added and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from service.store.canaries import end_canary
from service.store.tables import model_versions, promotions


class How(StrEnum):
    """How a version came to answer."""

    REGISTERED = "registered"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Promotion:
    """From `at` on this version answered in the place of the former one (None: of nobody). remedy: what it came of, where it came of one."""

    model: str
    version: int
    former: int | None
    deed: str
    at: datetime
    actor: str
    reason: str = ""
    remedy: UUID | None = None


def crown(
    connection: Connection, model: str, version: int, how: How, *, at: datetime, actor: str, reason: str = "", remedy: UUID | None = None
) -> Promotion:
    """Make a version the one that answers alone, retire the one that did, and write it down. The caller holds the lock of the model's champion."""
    end_canary(connection, model, at=at, actor=actor, reason="one version answers alone")
    former = connection.scalar(
        update(model_versions)
        .where(model_versions.c.model == model, model_versions.c.state == "champion", model_versions.c.id != version)
        .values(state="retired")
        .returning(model_versions.c.id)
    )
    connection.execute(update(model_versions).where(model_versions.c.id == version).values(state="champion"))
    done = Promotion(model, version, former, how.value, at, actor, reason, remedy)
    connection.execute(insert(promotions).values(**{name: getattr(done, name) for name in Promotion.__slots__}))
    return done


def promotions_of(connection: Connection, model: str) -> list[Promotion]:
    """How each version of a model came to answer, latest first."""
    columns = [column for column in promotions.c if column.name != "id"]
    query = select(*columns).where(promotions.c.model == model).order_by(promotions.c.id.desc())
    return [Promotion(**row._asdict()) for row in connection.execute(query)]


def last_coming(connection: Connection, model: str, version: int) -> Promotion | None:
    """How a version came to answer the last time; None where that is not written down, or it came by a roll-back."""
    found = next((one for one in promotions_of(connection, model) if one.version == version), None)
    return None if found is None or found.deed == How.ROLLED_BACK else found
