"""Grounds: what is known of an alarm beside its kind, on the day that something is proposed about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from detectors.auroc import auroc
from detectors.decision_rates import decision_rates
from detectors.measurement import Measurement, Verdict
from detectors.plan import ALL
from detectors.schema import NEGATIVE, POSITIVE
from service.domain import Alarm
from service.models.plan import Stop
from service.store.alarms import open_alarms
from service.store.day_tallies import days_between
from service.store.remedies import State, remedies_of_model
from service.worker.calendar import DAY, day_of
from service.worker.subject import Subject
from service.worker.windows import added_up, days_sum

TRUTH = "truth"
COOLED = frozenset({"rethreshold", "recalibrate", "retrain"})
ENDED = frozenset({State.REJECTED, State.PROMOTED, State.ROLLED_BACK, State.FAILED, State.DONE})


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a proposal rests on.

    labels: a finding has mature labels enough for a fit. harm: labels show that the answers are worse. stop: what the stop rule says, in a few
    words; empty where it is not met. cooling: actions that were decided on so lately that they are not proposed again.
    """

    labels: bool = False
    harm: bool = False
    stop: str = ""
    cooling: frozenset[str] = frozenset()


def grounds_of(connection: Connection, subject: Subject, alarm: Alarm, last: date) -> Grounds:
    """Gather them from the sums of the days up to `last`, which are all folded by now."""
    plan = subject.manifest.remedies
    return Grounds(
        labels=_has_labels(connection, subject, last),
        harm=any(one.family == TRUTH for one in open_alarms(connection, subject.reference_id)),
        stop=stop_reason(connection, subject, alarm, last),
        cooling=_cooling(connection, subject, alarm, timedelta(days=plan.cool_down_days)),
    )


def stop_reason(connection: Connection, subject: Subject, alarm: Alarm, last: date) -> str:
    """Say which number of the time since an alarm's change lies so low that the plan wants the model stopped; empty where none does."""
    rule = subject.manifest.remedies.stop
    if not (rule.sensitivity or rule.auroc):
        return ""
    window = days_sum(connection, subject, day_of(alarm.since), last)
    if ALL not in window:
        return ""
    enough = {
        finding for finding in subject.reference.schema.findings if window[ALL].scores(finding)[POSITIVE].sum() >= rule.minimum_positives
    }
    measured = (*decision_rates(subject.reference, window), *auroc(subject.reference, window))
    return "; ".join(_too_low(rule, [one for one in measured if one.cell == ALL and one.finding in enough]))


def _too_low(rule: Stop, measured: list[Measurement]) -> Iterator[str]:
    floors = {"sensitivity": rule.sensitivity, "auroc": rule.auroc}
    for one in measured:
        floor = floors.get(one.name, 0.0)
        if floor and one.verdict is not Verdict.INSUFFICIENT and one.interval is not None and one.interval.low < floor:
            yield f"the lower bound of {one.name} of {one.finding} is {one.interval.low:.3f}, below {floor:g}"


def _has_labels(connection: Connection, subject: Subject, last: date) -> bool:
    plan = subject.manifest.remedies
    stored = days_between(connection, subject.reference_id, last - plan.label_days * DAY, last, ALL)
    tally = added_up(subject.reference.schema, stored).get(ALL)
    if tally is None:
        return False
    needed = ((POSITIVE, plan.minimum_positives), (NEGATIVE, plan.minimum_negatives))
    return any(all(tally.scores(finding)[side].sum() >= n for side, n in needed) for finding in subject.reference.schema.findings)


def _cooling(connection: Connection, subject: Subject, alarm: Alarm, span: timedelta) -> frozenset[str]:
    mine = (one for one in remedies_of_model(connection, subject.version.model) if one.state in ENDED and one.action in COOLED)
    return frozenset(one.action for one in mine if one.decided_at is not None and alarm.opened_at - one.decided_at < span)
