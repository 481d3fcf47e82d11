"""Alerts that came back from Alertmanager or Grafana, each stored once and tied to the alarm that it speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from service.domain import Alert
from service.store.tables import alarms, alerts, model_versions


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of a group of alerts. new: never seen before. linked: tied to an alarm of a model."""

    new: int
    linked: int


def note_alerts(connection: Connection, batch: Sequence[Alert], at: datetime) -> Noted:
    """Store these alerts; one that is known keeps its first time, and once it has ended a late word that it fires changes nothing.

    Alerts are written in the order of their keys, so that two receivers of one group do not wait for each other in a circle.
    """
    known = {(one.fingerprint, one.starts_at): one for one in batch}
    new = linked = 0
    for key in sorted(known):
        alarm = _alarm_of(connection, known[key])
        new += _note(connection, known[key], alarm, at)
        linked += alarm is not None
    return Noted(new, linked)


def alerts_of(connection: Connection, model: str | None, most: int) -> list[Alert]:
    """The alerts that came last, of one model or of all."""
    query = select(alerts).order_by(alerts.c.first_received_at.desc(), alerts.c.fingerprint).limit(most)
    if model is not None:
        query = query.where(alerts.c.labels["model"].astext == model)
    return [_alert(row) for row in connection.execute(query)]


def alerts_on(connection: Connection, alarm: UUID) -> list[Alert]:
    """The alerts that spoke of an alarm, earliest first."""
    query = select(alerts).where(alerts.c.alarm == alarm).order_by(alerts.c.starts_at, alerts.c.fingerprint)
    return [_alert(row) for row in connection.execute(query)]


def _note(connection: Connection, alert: Alert, alarm: UUID | None, at: datetime) -> bool:
    row = insert(alerts).values(
        fingerprint=alert.fingerprint,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        labels=dict(alert.labels),
        alarm=alarm,
        first_received_at=at,
        last_received_at=at,
    )
    again = {
        "ends_at": func.coalesce(row.excluded.ends_at, alerts.c.ends_at),
        "alarm": func.coalesce(alerts.c.alarm, row.excluded.alarm),
        "last_received_at": row.excluded.last_received_at,
    }
    statement = row.on_conflict_do_update(constraint="alerts_pkey", set_=again).returning(alerts.c.first_received_at)
    return bool(connection.scalar(statement) == at)


def _alarm_of(connection: Connection, alert: Alert) -> UUID | None:
    """The alarm of the model, version and family that the labels name: the open one, else the latest; None where they name none."""
    named = [alert.labels.get(name) for name in ("model", "version", "family")]
    if None in named:
        return None
    query = (
        select(alarms.c.id)
        .join(model_versions, model_versions.c.id == alarms.c.model_version)
        .where(model_versions.c.model == named[0], model_versions.c.version == named[1], alarms.c.family == named[2])
        .order_by(alarms.c.cleared_at.is_(None).desc(), alarms.c.opened_at.desc())
        .limit(1)
    )
    return connection.scalar(query)


def _alert(row: Row[tuple[object, ...]]) -> Alert:
    values = row._asdict()
    return Alert(**{name: values[name] for name in ("fingerprint", "starts_at", "ends_at", "labels", "alarm")})
