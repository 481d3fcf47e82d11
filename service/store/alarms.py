"""Alarms: opened once, kept up to date while the cause lasts, cleared when it is over; never deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from service.domain import Alarm, Carrier
from service.store.tables import alarms


def open_alarm(connection: Connection, alarm: Alarm) -> bool:
    """Open an alarm; false where one of its family is open against this reference, or this very alarm was opened before."""
    statement = insert(alarms).values(**_values(alarm)).on_conflict_do_nothing().returning(alarms.c.id)
    return connection.scalar(statement) is not None


def update_alarm(connection: Connection, alarm: Alarm) -> None:
    """Store what is known now of an alarm: its carriers, cell, kind and evidence."""
    connection.execute(update(alarms).where(alarms.c.id == alarm.id).values(**_values(alarm)))


def clear_alarm(connection: Connection, identifier: UUID, at: datetime) -> None:
    """Say that the cause of an alarm is over."""
    connection.execute(update(alarms).where(alarms.c.id == identifier, alarms.c.cleared_at.is_(None)).values(cleared_at=at))


def open_alarms(connection: Connection, reference: int) -> list[Alarm]:
    """The alarms that are open against a reference, by family."""
    query = select(alarms).where(alarms.c.reference == reference, alarms.c.cleared_at.is_(None)).order_by(alarms.c.family)
    return [_alarm(row) for row in connection.execute(query)]


def open_alarms_of(connection: Connection, model_version: int) -> list[Alarm]:
    """The alarms of a model version that are open, against whichever reference."""
    return [alarm for alarm in alarms_of(connection, model_version) if alarm.cleared_at is None]


def find_alarm(connection: Connection, identifier: UUID) -> Alarm | None:
    """One alarm, open or cleared; None where there is none of this id."""
    row = connection.execute(select(alarms).where(alarms.c.id == identifier)).one_or_none()
    return None if row is None else _alarm(row)


def alarms_of(connection: Connection, model_version: int) -> list[Alarm]:
    """Every alarm of a model version, latest first."""
    query = select(alarms).where(alarms.c.model_version == model_version).order_by(alarms.c.opened_at.desc(), alarms.c.family)
    return [_alarm(row) for row in connection.execute(query)]


def count_alarms(connection: Connection, model_version: int) -> Mapping[str, int]:
    """How many alarms were ever opened, by kind."""
    query = (
        select(alarms.c.kind, func.count()).where(alarms.c.model_version == model_version).group_by(alarms.c.kind).order_by(alarms.c.kind)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _values(alarm: Alarm) -> dict[str, object]:
    return {name: value for name, value in asdict(alarm).items() if name != "carriers"} | {
        "carriers": [asdict(carrier) for carrier in alarm.carriers]
    }


def _alarm(row: Row[tuple[object, ...]]) -> Alarm:
    values = row._asdict()
    return Alarm(**values | {"carriers": tuple(map(carrier_of, values["carriers"]))})


def carrier_of(stored: Mapping[str, Any]) -> Carrier:
    """Alarms of former releases have no examples."""
    return Carrier(**{**stored, "examples": tuple(stored.get("examples", ()))})
