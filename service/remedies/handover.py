"""Hand over: whoever retrains is told exactly once what is wanted, through the outbox, and answers with a challenger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from service.domain import ModelVersion
from service.errors import PackageError, RemedyStateError
from service.models.manifest import parse_manifest
from service.remedies.plan import plan_of
from service.store.alarms import find_alarm
from service.store.audit import WORKER
from service.store.ids import derived_id
from service.store.models import version_by_id
from service.store.outbox import Kind, enqueue
from service.store.remedies import STUCK, Remedy, State, remedies_in
from service.store.remedy_steps import Step, held, move, note, steps_of

REQUESTED = "stepwedge.retraining.requested"


def hand_over(connection: Connection, identifier: UUID, at: datetime, cases: Mapping[str, Any] | None = None) -> State:
    """Write the request to retrain with the step that tells of it, in one transaction; a second time finds it written.

    cases: where the manifest of cases lies, and its hash.
    """
    remedy = held(connection, identifier)
    if remedy.state != State.APPROVED or remedy.model_version is None:
        return State(remedy.state)
    version, event = version_by_id(connection, remedy.model_version), derived_id(remedy.id, "retraining")
    enqueue(connection, event, remedy.id, request(connection, event, version, remedy, at=at, cases=cases), at, kind=Kind.RETRAINING)
    move(connection, Step(remedy.id, State.HANDED_OVER, at, WORKER, "whoever retrains is told", {"event": str(event), "cases": cases}))
    return State.HANDED_OVER


def request(
    connection: Connection, event: UUID, version: ModelVersion, remedy: Remedy, *, at: datetime, cases: Mapping[str, Any] | None
) -> bytes:
    """The request as CloudEvents 1.0 JSON: of which version, why, under which plan, from which package, and where the answer goes."""
    alarm = find_alarm(connection, remedy.alarm)
    reason = (
        {} if alarm is None else {"alarm": str(alarm.id), "kind": alarm.kind, "summary": alarm.summary, "since": alarm.since.isoformat()}
    )
    plan = plan_of(remedy)
    data = {
        "remedy": str(remedy.id),
        "model": version.model,
        "version": version.version,
        "package": version.package,
        "artifact_sha256": version.artifact_sha256,
        "reason": reason,
        "plan": plan.model_dump(mode="json"),
        "cases": None if cases is None else dict(cases),
        "answer": f"/v1/remedies/{remedy.id}/challenger",
        "expected_by": (at + timedelta(days=plan.challenger_days)).isoformat(),
    }
    head = {"specversion": "1.0", "id": str(event), "type": REQUESTED, "time": at.isoformat(), "subject": str(remedy.id)}
    source = f"/v1/models/{version.model}/versions/{version.version}"
    return json.dumps({**head, "source": source, "datacontenttype": "application/json", "data": data}).encode()


def expect_challenger(connection: Connection, identifier: UUID) -> Remedy:
    """The remedy that waits for a challenger, held until the transaction ends; one that has its challenger passes, too.

    Raises:
        UnknownRemedyError: There is no such remedy.
        RemedyStateError: It waits for none, or not any more.
    """
    remedy = held(connection, identifier)
    if remedy.state not in {State.HANDED_OVER, State.CHALLENGED, State.PROMOTED, State.ROLLED_BACK}:
        raise RemedyStateError(f"The remedy is {remedy.state.replace('_', ' ')}; it waits for no challenger.")
    return remedy


def take_challenger(connection: Connection, remedy: Remedy, challenger: ModelVersion, *, at: datetime, actor: str) -> Remedy:
    """Let a version that was registered as a shadow be the answer. The same answer again changes nothing.

    Raises:
        PackageError: It is a version of another model, or other findings.
        RemedyStateError: The remedy has another challenger already.
    """
    if remedy.challenger == challenger.id:
        return remedy
    if remedy.challenger is not None or remedy.model_version is None:
        raise RemedyStateError("The remedy has another challenger already.")
    whose = version_by_id(connection, remedy.model_version)
    same = parse_manifest(whose.manifest).finding_names == parse_manifest(challenger.manifest).finding_names
    if challenger.model != whose.model or not same or challenger.state != "shadow":
        raise PackageError("A challenger is a new version of the same model, with the same findings in the same order.")
    step = Step(remedy.id, State.CHALLENGED, at, actor, f"version {challenger.version} came back", {"version": challenger.version})
    return move(connection, step, {"challenger": challenger.id})


def note_stuck(connection: Connection, at: datetime) -> list[Remedy]:
    """Retrainings that are overdue; each is noted once."""
    late = [
        one
        for one in remedies_in(connection, State.HANDED_OVER)
        if (told := _handed_over_at(connection, one)) is not None and at - told > timedelta(days=plan_of(one).challenger_days)
    ]
    for one in late:
        if not any(step.step == STUCK for step in steps_of(connection, one.id)):
            note(connection, Step(one.id, STUCK, at, WORKER, "no challenger came back in the time that the plan gives"))
    return late


def _handed_over_at(connection: Connection, remedy: Remedy) -> datetime | None:
    return next((step.at for step in steps_of(connection, remedy.id) if step.step == State.HANDED_OVER), None)
