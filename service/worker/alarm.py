"""Alarm: what the evidence at the end of a day does to the alarms of a model version."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Connection

from detectors import incident
from detectors.carrier import Carrier as Found
from detectors.evidence import State
from detectors.incident import BESIDE, incidents, persists
from detectors.tally import Tally
from service.domain import Alarm, Carrier
from service.store.alarms import clear_alarm, open_alarm, open_alarms, update_alarm
from service.store.audit import WORKER
from service.store.canaries import mixes_between
from service.store.day_tallies import DayTally, days_between
from service.store.ids import derived_id, uuid7_floor
from service.store.judgements import keep_opening
from service.store.remedy_steps import expire_remedy
from service.worker.calendar import DAY, date_of, day_of, midnight, number_of
from service.worker.examples import with_examples
from service.worker.few import few
from service.worker.remedy import propose, stop_if_worse
from service.worker.subject import Subject
from service.worker.windows import added_up

LONGEST_LOOK_BACK = 90
"""Days of tallies that are read to find the subgroup in which an incident lives."""
SETTLES = 7
"""Days after a challenger has ended in which what it took from the champion may still be told from the evidence; what lasts longer is no longer of it."""


@dataclass(frozen=True, slots=True)
class AlarmChanges:
    """Alarms that were opened, told of more series, or cleared. Each one that was opened opened one remedy."""

    opened: tuple[UUID, ...] = ()
    attached: tuple[UUID, ...] = ()
    cleared: tuple[UUID, ...] = ()

    def __add__(self, other: AlarmChanges) -> AlarmChanges:
        return AlarmChanges(self.opened + other.opened, self.attached + other.attached, self.cleared + other.cleared)


def update_alarms(connection: Connection, subject: Subject, state: State) -> AlarmChanges:
    """Open, extend and clear alarms by the evidence at the end of one day; at most one is open of a family at any time.

    What began together with an alarm of the family beside it has the same cause and opens none of its own: where a scanner is
    replaced, the old one falls silent.
    """
    found = {one.family: one for one in incidents(subject.reference, state)}
    standing = {one.family: one for one in open_alarms(connection, subject.reference_id)}
    begun = {family: (number_of(day_of(alarm.since)), number_of(day_of(alarm.opened_at))) for family, alarm in standing.items()}
    changes = AlarmChanges()
    for alarm in standing.values():
        changes += _extend_or_clear(connection, subject, state, alarm)
    for family, one in found.items():
        if family not in standing and _is_news(one, begun):
            begun[family] = (one.since, state.day)
            changes += _open(connection, subject, state, family)
    return changes


def _is_news(found: incident.Incident, begun: Mapping[str, tuple[int, int]]) -> bool:
    beside = begun.get(BESIDE.get(found.family, ""))
    return beside is None or found.apart(*beside)


def alarm_of(connection: Connection, subject: Subject, state: State, family: incident.Group) -> Alarm | None:
    """Describe the alarm that the evidence at the end of a day opens; its id follows from what it is about. None where it opens none."""
    found = next((one for one in incidents(subject.reference, state, _recent(connection, subject, state)) if one.family == family), None)
    if found is None:
        return None
    hidden = few(connection, subject, state, found.carriers)
    at = midnight(date_of(state.day)) + DAY
    return Alarm(
        id=derived_id(uuid7_floor(at), f"alarm {subject.reference_id} {family}"),
        model_version=subject.version.id,
        reference=subject.reference_id,
        kind=found.kind,
        family=found.family,
        cell=found.cell,
        opened_at=at,
        since=midnight(date_of(found.since)),
        cleared_at=None,
        evidence=found.evidence,
        summary=found.told(hidden=found.carriers[0].series.name in hidden),
        carriers=tuple(_carrier(one, hidden) for one in found.carriers),
    )


def extended(connection: Connection, alarm: Alarm, subject: Subject, state: State) -> Alarm:
    """Bring an alarm up to date. What it was opened as, and where, stays: that is what people were told."""
    found = next((one for one in incidents(subject.reference, state) if one.family == alarm.family), None)
    shown = {one.series: one.examples for one in alarm.carriers}
    hidden = few(connection, subject, state, found.carriers) if found else frozenset[str]()
    moved = [replace(_carrier(one, hidden), examples=shown.get(one.series.name, ())) for one in found.carriers] if found else []
    carriers = _joined(alarm.carriers, tuple(moved)) if found else alarm.carriers
    return alarm if found is None or carriers == alarm.carriers else replace(alarm, evidence=found.evidence, carriers=carriers)


def _open(connection: Connection, subject: Subject, state: State, family: incident.Group) -> AlarmChanges:
    """Open an alarm with its remedy; no crash and no other worker opens it twice."""
    alarm = alarm_of(connection, subject, state, family)
    if alarm is None or _is_of_a_canary(connection, subject, alarm):
        return AlarmChanges()
    alarm = replace(alarm, carriers=with_examples(connection, subject, alarm.carriers, alarm.cell, date_of(state.day)))
    if not open_alarm(connection, alarm):
        return AlarmChanges()
    keep_opening(connection, alarm)
    propose(connection, subject, alarm, date_of(state.day))
    return AlarmChanges(opened=(alarm.id,))


def _is_of_a_canary(connection: Connection, subject: Subject, alarm: Alarm) -> bool:
    """Whether inputs differ, or a site is silent, while a challenger answers whole sites: the champion sees what is left of the films.

    What it took counts until SETTLES days after its end, so that a site that has not come back by then is an alarm all the same.
    """
    since = max(alarm.since, alarm.opened_at - SETTLES * DAY)
    return alarm.family != "truth" and mixes_between(connection, subject.version.model, since, alarm.opened_at)


def _extend_or_clear(connection: Connection, subject: Subject, state: State, alarm: Alarm) -> AlarmChanges:
    """Keep an open alarm up to date, or clear it."""
    if not persists(subject.reference, state, family_of(alarm), number_of(day_of(alarm.since))):
        at = midnight(date_of(state.day)) + DAY
        clear_alarm(connection, alarm.id, at)
        expire_remedy(connection, alarm.id, at, WORKER, "the alarm cleared")
        return AlarmChanges(cleared=(alarm.id,))
    stop_if_worse(connection, subject, alarm, state.day)
    now = extended(connection, alarm, subject, state)
    if now == alarm:
        return AlarmChanges()
    update_alarm(connection, now)
    return AlarmChanges(attached=(alarm.id,) if len(now.carriers) > len(alarm.carriers) else ())


def _joined(before: tuple[Carrier, ...], now: tuple[Carrier, ...]) -> tuple[Carrier, ...]:
    """Put what carries the alarm now first; behind it what carried it once, as it was then."""
    names = {one.series for one in now}
    return now + tuple(one for one in before if one.series not in names)


def family_of(alarm: Alarm) -> incident.Group:
    """Name the group of series that an alarm is about."""
    return next(family for family in incident.GROUPS if family == alarm.family)


def _recent(connection: Connection, subject: Subject, state: State) -> Mapping[int, Mapping[str, Tally]]:
    last = date_of(state.day)
    by_day: dict[int, list[DayTally]] = {}
    for stored in days_between(connection, subject.reference_id, last - (LONGEST_LOOK_BACK - 1) * DAY, last):
        by_day.setdefault(number_of(stored.day), []).append(stored)
    return {day: added_up(subject.reference.schema, stored) for day, stored in by_day.items()}


def _carrier(found: Found, hidden: Collection[str]) -> Carrier:
    series = found.series
    told = series.name not in hidden
    return Carrier(
        series=series.name,
        family=series.family,
        cell=series.cell,
        feature=series.feature,
        finding=series.finding,
        bin=series.bin,
        side=found.side,
        reference_rate=found.reference_rate,
        rate=found.rate if told else None,
        n=found.n if told else None,
        evidence=found.evidence,
    )
