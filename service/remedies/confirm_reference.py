"""Confirm the reference: what a version is compared to from the moment on which it answers.

A version that is derived from the champion would have given known scores to the champion's films. So its reference is made of those very
films, seen through its maps: those since the change, or the last label_days. Inputs carry over, the truth is that of the new normal,
and judging begins with the first whole day after the promotion. A retrained version is seen through what it said in the champion's shadow.
A version that comes back by a roll-back keeps its reference; the time in which another one answered is no silence of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import structlog
from sqlalchemy import Connection, Engine

from service.domain import ModelVersion
from service.errors import StepwedgeError
from service.models.manifest import parse_manifest
from service.models.recalibrated import derived_scores
from service.models.sameness import same_logits
from service.remedies.plan import plan_of
from service.store.alarms import find_alarm
from service.store.audit import WORKER
from service.store.comparisons import shadowed_among
from service.store.models import version_by_id
from service.store.references import Draft, activate, active_reference, propose
from service.store.remedies import Remedy, State, remedies_in
from service.store.remedy_steps import Step, note, steps_of
from service.store.rows import Rows
from service.store.tallies import mark_hours
from service.store.yardsticks import copy_yardstick
from service.worker.reference import END_OF_TIME, Lent, activate_reference, propose_reference

log = structlog.get_logger(__name__)

UNWATCHED: Final = "unwatched"
WATCHED: Final = "watched"


@dataclass(frozen=True, slots=True)
class Eyes:
    """Sees a champion's films as a challenger does; those that it never saw are left out."""

    champion: ModelVersion
    challenger: ModelVersion

    def __call__(self, connection: Connection, rows: Rows) -> Rows:
        """The films with the challenger's scores."""
        ours, theirs = parse_manifest(self.champion.manifest), parse_manifest(self.challenger.manifest)
        if same_logits(ours, theirs):
            return replace(rows, logits=derived_scores(ours, theirs, rows.logits))
        said = shadowed_among(connection, self.challenger.id, list(rows.ids))
        kept = rows.of(np.array([one in said for one in rows.ids], dtype=bool))
        scores = np.array([said[one][0] for one in kept.ids], dtype=np.float32).reshape(len(kept), len(theirs.findings))
        return replace(kept, logits=scores, embedding=np.zeros((len(kept), 0), np.float32))


def confirm_references(engine: Engine, at: datetime) -> int:
    """Give each promoted version that has none its reference; how many were made. Where that cannot be done, a step says so, once."""
    with engine.connect() as connection:
        waiting = [one for one in remedies_in(connection, State.PROMOTED) if _waits(connection, one)]
    return sum(_confirm(engine, one, at) for one in waiting)


def carry_over(connection: Connection, version: ModelVersion, *, at: datetime, actor: str, reason: str) -> None:
    """Compare a version that answers again to what it was compared to before, from now on; its evidence begins anew.

    The caller's transaction makes it the champion, so no pass works on it yet.
    """
    used = active_reference(connection, version.id)
    if used is None:
        return
    excluded = [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in used.excluded]
    draft = Draft(version.id, used.since, at, at, used.payload, [*excluded, (used.until, at)])
    stored = propose(connection, draft, actor=actor)
    copy_yardstick(connection, used.id, stored.id)
    mark_hours(connection, version.id, at, END_OF_TIME)
    activate(connection, stored, reason, at=at, actor=actor)


def _waits(connection: Connection, remedy: Remedy) -> bool:
    told = {step.step for step in steps_of(connection, remedy.id)}
    return remedy.challenger is not None and UNWATCHED not in told and active_reference(connection, remedy.challenger) is None


def _confirm(engine: Engine, remedy: Remedy, at: datetime) -> bool:
    with engine.connect() as connection:
        champion, challenger = version_by_id(connection, remedy.model_version or 0), version_by_id(connection, remedy.challenger or 0)
        since, until = _period(connection, remedy, at)
    lent = Lent(champion.id, Eyes(champion, challenger))
    try:
        proposed = propose_reference(engine, challenger, since, until, at=at, actor=WORKER, lent=lent)
        activate_reference(engine, challenger, proposed, f"came of remedy {remedy.id}", at=at, actor=WORKER)
    except StepwedgeError as error:
        log.warning("reference not made", remedy=str(remedy.id), reason=type(error).__name__)
        step = Step(remedy.id, UNWATCHED, at, WORKER, f"{error} Build one once the version has worked for some weeks.")
    else:
        step = Step(remedy.id, WATCHED, at, WORKER, "the new version has a reference", {"reference": proposed.id})
    with engine.begin() as connection:
        note(connection, step)
    return step.step == WATCHED


def _period(connection: Connection, remedy: Remedy, at: datetime) -> tuple[datetime, datetime]:
    """From the change to the promotion; a change of prevalence moves no map, so there all of the plan's days count."""
    until = next((step.at for step in reversed(steps_of(connection, remedy.id)) if step.step == State.PROMOTED), at)
    earliest, alarm = until - timedelta(days=plan_of(remedy).label_days), find_alarm(connection, remedy.alarm)
    return (earliest if alarm is None or alarm.kind == "prevalence" else max(earliest, alarm.since)), until
