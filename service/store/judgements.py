"""Judgements: what an alarm was opened as, and what it is since its days were judged again on other labels. All are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, update

from service.domain import Alarm, Carrier
from service.store.alarm_tables import alarm_judgements, alarms
from service.store.alarms import carrier_of, find_alarm

DAY = timedelta(days=1)


class Standing(StrEnum):
    """What is known of an alarm by now.

    opened: nothing else since. confirmed: with the labels of today it would open on the day on which it did. superseded: it would not.
    """

    OPENED = "opened"
    CONFIRMED = "confirmed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Judgement:
    """An alarm as the evidence of its opening day had it when it was judged; the fields are those of the alarm."""

    standing: Standing
    judged_at: datetime
    kind: str
    cell: str
    since: datetime
    evidence: float
    summary: str
    carriers: tuple[Carrier, ...]

    @classmethod
    def of(cls, alarm: Alarm, standing: Standing, at: datetime) -> Judgement:
        """Take an alarm as it stands."""
        return cls(standing, at, alarm.kind, alarm.cell, alarm.since, alarm.evidence, alarm.summary, alarm.carriers)


def opened_between(connection: Connection, reference: int, first: date, last: date) -> Mapping[date, list[Alarm]]:
    """Alarms against a reference that the evidence of these days opened, by that day: they are opened when it is over."""
    query = select(alarms.c.id).where(
        alarms.c.reference == reference, func.date(func.timezone("UTC", alarms.c.opened_at)).between(first + DAY, last + DAY)
    )
    found: dict[date, list[Alarm]] = {}
    for identifier in connection.scalars(query.order_by(alarms.c.id)):
        if (alarm := find_alarm(connection, identifier)) is not None:
            found.setdefault(alarm.opened_at.date() - DAY, []).append(alarm)
    return found


def judge_again(connection: Connection, alarm: Alarm, judgement: Judgement) -> bool:
    """Keep a judgement beside the former ones; true where the standing is another than before.

    A judgement of the same standing as the last one takes its place: every late label makes one. What the alarm was opened as stays.
    """
    known = judgements_of(connection, [alarm.id]).get(alarm.id, ())
    if not known:
        keep_opening(connection, alarm)
        known = (Judgement.of(alarm, Standing.OPENED, alarm.opened_at),)
    if known[-1].standing is judgement.standing:
        here = (alarm_judgements.c.alarm == alarm.id) & (alarm_judgements.c.number == len(known) - 1)
        connection.execute(update(alarm_judgements).where(here).values(**_values(judgement)))
        return False
    connection.execute(insert(alarm_judgements).values(alarm=alarm.id, number=len(known), **_values(judgement)))
    return True


def keep_opening(connection: Connection, alarm: Alarm) -> None:
    """Keep what an alarm is opened as; the alarm itself is kept up to date afterwards."""
    opened = Judgement.of(alarm, Standing.OPENED, alarm.opened_at)
    connection.execute(insert(alarm_judgements).values(alarm=alarm.id, number=0, **_values(opened)))


def judgements_of(connection: Connection, identifiers: Sequence[UUID]) -> Mapping[UUID, tuple[Judgement, ...]]:
    """All judgements of some alarms, first what each was opened as; an alarm of a former release may have none."""
    query = select(alarm_judgements).where(alarm_judgements.c.alarm.in_(identifiers))
    found: dict[UUID, tuple[Judgement, ...]] = {}
    for row in connection.execute(query.order_by(alarm_judgements.c.alarm, alarm_judgements.c.number)):
        found[row.alarm] = (*found.get(row.alarm, ()), _judgement(row))
    return found


def _values(judgement: Judgement) -> dict[str, Any]:
    return asdict(judgement) | {"carriers": [asdict(one) for one in judgement.carriers]}


def _judgement(row: Row[Any]) -> Judgement:
    values = {one.name: getattr(row, one.name) for one in fields(Judgement)}
    return Judgement(**values | {"standing": Standing(row.standing), "carriers": tuple(map(carrier_of, row.carriers))})
