"""Rejudge: what an alarm is worth since the days that opened it were judged again, on labels that came late or were corrected."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Connection

from detectors.evidence import State
from detectors.incident import strongest
from service.domain import Alarm
from service.store.checkpoints import load_checkpoint
from service.store.judgements import Judgement, Standing, judge_again, judgements_of, opened_between
from service.worker.alarm import alarm_of, family_of
from service.worker.calendar import DAY, day_of, days_from
from service.worker.subject import Subject


def rejudge(connection: Connection, subject: Subject, changed: Collection[date], known: date, at: datetime) -> None:
    """Hold every alarm whose evidence is another now against what is known now; none is opened a second time.

    confirmed: by the labels of now an alarm of its family opens on its day, or on a later one while it was open, be it in another place or by
    other series. superseded: none does. Either way both are kept, what people were told and what is known now. Whether the alarm is still
    open is decided by the last day, as ever.

    Args:
        connection: In the transaction in which the evidence of the days was stored.
        subject: Whose alarms.
        changed: Days whose evidence is another than before.
        known: The last day that was judged.
        at: When this is done.
    """
    if not changed:
        return
    opened = opened_between(connection, subject.reference_id, subject.first_day, max(changed))
    for day, alarms in opened.items():
        for alarm in alarms:
            if day in changed or len(judgements_of(connection, [alarm.id]).get(alarm.id, ())) > 1:
                judge_again(connection, alarm, _judgement(connection, subject, alarm, known, at))


def _judgement(connection: Connection, subject: Subject, alarm: Alarm, known: date, at: datetime) -> Judgement:
    family, most = family_of(alarm), 0.0
    for day in days_from(day_of(alarm.opened_at) - DAY, known if alarm.cleared_at is None else day_of(alarm.cleared_at) - DAY):
        stored = load_checkpoint(connection, subject.reference_id, day)
        if stored is None:
            continue
        state = State.decode(subject.reference, stored)
        most = max(most, strongest(subject.reference, state, family))
        if most >= 1 and (again := alarm_of(connection, subject, state, family)) is not None:
            return Judgement.of(again, Standing.CONFIRMED, at)
    summary = f"by the labels of now nothing passed its limit while it was open; the strongest series came to {most:.2f} of it"
    return Judgement.of(replace(alarm, evidence=most, summary=summary, carriers=()), Standing.SUPERSEDED, at)
