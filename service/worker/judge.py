"""Judge: evidence day by day, from the last checkpoint that still holds.

Days are folded whole. A reference learns how its rates scatter from day to day; the films of a night are no small day, and
judging them as one would take the rhythm of a hospital for drift. So an alarm opens at the end of a day, and a pass every
hour, every day, or once a year opens the same one.

One fold serves two kinds of series. Judging day D it adds the inputs of D, and the labels of the day that comes of age with D,
`label_maturity_days` earlier. A day whose tallies changed therefore reopens two days of judging at most, itself and the one at
which its labels count; the fold goes on from there only for as long as it arrives at other evidence than before.

A day that was tallied carries a mark until a run that saw it is complete. A pass that dies leaves the marks to the next one, which
folds the same days to the same evidence; evidence and alarms of a day are stored in one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from detectors.evidence import State, fold_day
from service.store import checkpoints
from service.store.day_tallies import save_day, unmark_days
from service.store.tallies import tallies_between
from service.worker.alarm import AlarmChanges, update_alarms
from service.worker.calendar import DAY, days_from, last_closed_day, midnight, number_of
from service.worker.rejudge import rejudge
from service.worker.subject import Subject
from service.worker.windows import added_up, days_sum


@dataclass(frozen=True, slots=True)
class Judged:
    """The days whose evidence was computed, and what that did to alarms."""

    days: tuple[date, ...] = ()
    alarms: AlarmChanges = field(default_factory=AlarmChanges)

    def __add__(self, other: Judged) -> Judged:
        return Judged(self.days + other.days, self.alarms + other.alarms)


def judge_days(connection: Connection, subject: Subject, changed: Sequence[date], closed: datetime) -> Judged:
    """Fold what changed of the past, then every day that has closed since; one transaction for the past, one for each new day.

    Args:
        connection: Not in a transaction.
        subject: Whose days.
        changed: Days with a mark, earliest first.
        closed: End of the last closed hour.
    """
    last = last_closed_day(closed)
    with connection.begin():
        known = checkpoints.last_checkpoint(connection, subject.reference_id) or subject.first_day - DAY
        judged = _refold(connection, subject, [day for day in changed if day <= min(known, last)], known, closed)
    for day in days_from(known + DAY, last):
        with connection.begin():
            judged += _fold_new(connection, subject, day, closed)
    return judged


def _refold(connection: Connection, subject: Subject, changed: Sequence[date], known: date, closed: datetime) -> Judged:
    """Bring the checkpoints up to the last known day in line with tallies that changed, and stop where evidence changes no more."""
    _roll_up(connection, subject, changed)
    reopened = {day + delay for day in changed for delay in (timedelta(), subject.maturity_days * DAY)}
    state, folded, other = None, [], set[date]()
    for day in days_from(max(min(reopened, default=known + DAY), subject.first_day), known):
        if state is None and day not in reopened:
            continue
        before = state or _state_before(connection, subject, day)
        after = _fold(connection, subject, before, day)
        state = after if _keep(connection, subject, day, after, closed) else None
        other |= set() if state is None else {day}
        folded.append(day)
    rejudge(connection, subject, other, known, closed)
    if state is None:
        return Judged(tuple(folded))
    return Judged(tuple(folded), update_alarms(connection, subject, state))


def _fold_new(connection: Connection, subject: Subject, day: date, closed: datetime) -> Judged:
    """Judge a day for the first time."""
    _roll_up(connection, subject, [day])
    state = _fold(connection, subject, _state_before(connection, subject, day), day)
    _keep(connection, subject, day, state, closed)
    unmark_days(connection, subject.reference_id, [day])
    return Judged((day,), update_alarms(connection, subject, state))


def _fold(connection: Connection, subject: Subject, before: State, day: date) -> State:
    """Add one day of inputs, and the labels of the day that comes of age with it."""
    of_age = day - subject.maturity_days * DAY
    matured = days_sum(connection, subject, of_age, of_age) if of_age >= subject.first_day else {}
    return fold_day(subject.reference, before, number_of(day), days_sum(connection, subject, day, day), matured)


def _keep(connection: Connection, subject: Subject, day: date, state: State, closed: datetime) -> bool:
    """Store the checkpoint of a day; false when the stored one says the same already."""
    encoded = state.encode()
    if checkpoints.load_checkpoint(connection, subject.reference_id, day) == encoded:
        return False
    checkpoints.save_checkpoint(connection, subject.reference_id, day, encoded, closed)
    return True


def _state_before(connection: Connection, subject: Subject, day: date) -> State:
    stored = checkpoints.load_checkpoint(connection, subject.reference_id, day - DAY)
    return State.start(subject.reference) if stored is None else State.decode(subject.reference, stored)


def _roll_up(connection: Connection, subject: Subject, days: Collection[date]) -> None:
    """Add up the hours of days that are over, for the folds and for every window to come."""
    for day in days:
        hours = tallies_between(connection, subject.reference_id, midnight(day), midnight(day + DAY))
        sums = added_up(subject.reference.schema, hours)
        save_day(connection, subject.reference_id, day, {cell: (tally.n, tally.encode()) for cell, tally in sums.items()})
