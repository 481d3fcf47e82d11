"""Replay: an alarm computed anew from its reference and the stored sums of the days, and compared with what people were told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from detectors.evidence import State, fold_day
from service.domain import Alarm
from service.store import checkpoints
from service.store.alarms import find_alarm
from service.store.models import versions_by_id
from service.store.references import reference_by_id
from service.worker.alarm import alarm_of, extended, family_of
from service.worker.calendar import DAY, day_of, days_from, number_of
from service.worker.subject import Subject, subject_with
from service.worker.windows import days_sum


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found.

    alarm: as it is stored. again: as it comes out of the stored days; None where none does on that day.
    days: folded up to the day that opened it. differing: what is not the same, bit for bit: names of the alarm's fields, and
        "evidence of DAY" where the evidence of all series differs from the day's checkpoint.
    """

    alarm: Alarm
    again: Alarm | None
    days: int
    differing: tuple[str, ...]


def replay_alarm(connection: Connection, identifier: UUID) -> Replayed | None:
    """Fold the stored days again, from the reference on, open the alarm again and tell it of the series that came later.

    None where there is no such alarm. A label that came after the alarm, or days that are no longer kept, make it come out differently.
    """
    alarm = find_alarm(connection, identifier)
    if alarm is None:
        return None
    subject = subject_with(versions_by_id(connection)[alarm.model_version], reference_by_id(connection, alarm.reference))
    opening = day_of(alarm.opened_at) - DAY
    closing = checkpoints.last_checkpoint(connection, alarm.reference) or opening
    if alarm.cleared_at is not None:  # a new reference may clear it days after the last fold against the old one
        closing = min(closing, day_of(alarm.cleared_at) - DAY)
    again, days, differing = None, 0, []
    for day, state in _folded(connection, subject, closing):
        days += day <= opening
        if checkpoints.load_checkpoint(connection, alarm.reference, day) != state.encode():
            differing.append(f"evidence of {day}")
        if day == opening:
            again = alarm_of(connection, subject, state, family_of(alarm))
        elif again is not None:
            again = extended(connection, again, subject, state)
    return Replayed(alarm, again, days, (*differing, *_different(alarm, again)))


def _folded(connection: Connection, subject: Subject, last: date) -> Iterator[tuple[date, State]]:
    state, delay = State.start(subject.reference), subject.maturity_days * DAY
    for day in days_from(subject.first_day, last):
        matured = days_sum(connection, subject, day - delay, day - delay) if day - delay >= subject.first_day else {}
        state = fold_day(subject.reference, state, number_of(day), days_sum(connection, subject, day, day), matured)
        yield day, state


def _different(alarm: Alarm, again: Alarm | None) -> Iterator[str]:
    """Name the fields that differ; that it was cleared since, and which films show it, are no matter of what opened it."""
    if again is None:
        yield "the alarm: none opens on that day"
        return
    yield from (
        one.name for one in fields(Alarm) if one.name != "cleared_at" and getattr(_bare(alarm), one.name) != getattr(_bare(again), one.name)
    )


def _bare(alarm: Alarm) -> Alarm:
    """Leave out the examples: they are looked up in the films, which are kept for a shorter time than tallies."""
    return replace(alarm, carriers=tuple(replace(one, examples=()) for one in alarm.carriers))
