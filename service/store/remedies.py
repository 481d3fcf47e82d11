"""Remedies: what alarms ask for, one each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain import Remedy
from service.store.tables import alarms, model_versions, remedies


def open_remedy(connection: Connection, remedy: Remedy) -> bool:
    """Propose a remedy; false where its alarm has one."""
    statement = insert(remedies).values(**asdict(remedy)).on_conflict_do_nothing().returning(remedies.c.id)
    return connection.scalar(statement) is not None


def remedies_of(connection: Connection, model_version: int) -> list[Remedy]:
    """Every remedy of a model version, latest first."""
    query = (
        select(remedies)
        .join(alarms, alarms.c.id == remedies.c.alarm)
        .where(alarms.c.model_version == model_version)
        .order_by(remedies.c.proposed_at.desc(), remedies.c.id)
    )
    return [Remedy(**row._asdict()) for row in connection.execute(query)]


def expire_remedy(connection: Connection, alarm: UUID) -> None:
    """Say that nobody need decide any more: the alarm cleared before anybody did."""
    connection.execute(update(remedies).where(remedies.c.alarm == alarm, remedies.c.state == "proposed").values(state="expired"))


def count_open_remedies(connection: Connection) -> Mapping[tuple[str, str, str], int]:
    """Remedies that wait for a person: (model, version, action) -> how many."""
    key = (model_versions.c.model, model_versions.c.version, remedies.c.action)
    query = (
        select(*key, func.count())
        .join(alarms, alarms.c.id == remedies.c.alarm)
        .join(model_versions, model_versions.c.id == alarms.c.model_version)
        .where(remedies.c.state == "proposed")
        .group_by(*key)
        .order_by(*key)
    )
    return {(model, version, action): count for model, version, action, count in connection.execute(query)}
