"""Derive: an approved fit becomes a challenger, the same artifact with another manifest; what does not help becomes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from service.domain import ModelVersion
from service.models.manifest import Manifest, parse_manifest
from service.remedies.fit import Fitted, enough, recalibrated, rethresholded
from service.remedies.labelled import mature_films
from service.remedies.plan import plan_of
from service.store.alarms import find_alarm
from service.store.audit import WORKER
from service.store.models import register, version_by_id
from service.store.remedies import Remedy, State
from service.store.remedy_steps import Step, held, move, note, steps_of

NAMES: Final = {"recalibrate": "recalibrated", "rethreshold": "rethresholded"}
WAITING: Final = "waiting"
LONGEST_NAME: Final = 64
OURS: Final = re.compile(r"-(?:recalibrated|rethresholded)-[0-9a-f]{8}$")


@dataclass(frozen=True, slots=True)
class Fit:
    """What the labels of [since, until) gave, and on whose manifest."""

    remedy: Remedy
    champion: ModelVersion
    manifest: Manifest
    since: datetime
    until: datetime
    labels: int
    fitted: Fitted | None


def fit(connection: Connection, remedy: Remedy, at: datetime) -> Fit:
    """Fit on the mature labels of the time since the change, which for a change of prevalence are all of the plan's days: it moves no map.

    fitted is None while no finding has labels enough.
    """
    assert remedy.model_version is not None  # noqa: S101 - every remedy that is read says whose it is
    champion = version_by_id(connection, remedy.model_version)
    manifest, plan = parse_manifest(champion.manifest), plan_of(remedy)
    alarm = find_alarm(connection, remedy.alarm)
    earliest = at - timedelta(days=plan.label_days)
    since = earliest if alarm is None or alarm.kind == "prevalence" else max(alarm.since, earliest)
    films = mature_films(connection, champion, since, at)
    method = recalibrated if remedy.action == "recalibrate" else rethresholded
    fitted = method(manifest, plan, films) if enough(manifest, plan, films) else None
    return Fit(remedy, champion, manifest, films.since, films.until, len(films.labels), fitted)


def carry_out(connection: Connection, found: Fit, at: datetime) -> State:
    """Register what came of the fit as a challenger, in one transaction with the step; the same fit again finds it done.

    Returns:
        CHALLENGED; FAILED where nothing is better than what is; APPROVED where labels are still awaited.
    """
    remedy = held(connection, found.remedy.id)
    if remedy.state != State.APPROVED:
        return State(remedy.state)
    rests_on = {"since": found.since.isoformat(), "until": found.until.isoformat(), "films": found.labels}
    if found.fitted is None:
        if not any(step.step == WAITING for step in steps_of(connection, remedy.id)):
            reason = "no finding has mature labels enough since the change; it is fitted once there are"
            note(connection, Step(remedy.id, WAITING, at, WORKER, reason, rests_on))
        return State.APPROVED
    told: Mapping[str, Any] = {**rests_on, "findings": found.fitted.told}
    if found.fitted.findings is None:
        reason = "nothing that could be fitted is better than what is, on films that the fit had not seen"
        move(connection, Step(remedy.id, State.FAILED, at, WORKER, reason, told))
        return State.FAILED
    name = version_name(found.champion.version, remedy.action, remedy.id)
    made = found.manifest.model_copy(update={"version": name, "findings": found.fitted.findings})
    challenger = register(
        connection,
        model=found.champion.model,
        version=name,
        manifest=parse_manifest(made.as_json()).as_json(),
        artifact_sha256=found.champion.artifact_sha256,
        package=found.champion.package,
        at=at,
        actor=WORKER,
        state="shadow",
    )
    step = Step(remedy.id, State.CHALLENGED, at, WORKER, f"version {name} was fitted", {**told, "version": name})
    move(connection, step, {"challenger": challenger.id})
    return State.CHALLENGED


def version_name(version: str, action: str, remedy: UUID) -> str:
    """Name what comes of a remedy: the version that it began with, what was done to it, and which remedy did.

    >>> version_name("2-recalibrated-0f3a9c21", "rethreshold", UUID(int=255))
    '2-rethresholded-000000ff'
    """
    suffix = f"-{NAMES[action]}-{remedy.hex[-8:]}"
    return OURS.sub("", version)[: LONGEST_NAME - len(suffix)] + suffix
