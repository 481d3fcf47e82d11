"""Remedies: what alarms asked for, how far each came, and the decisions of people on them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.access import LONGEST_REASON, SHORTEST_REASON, Caller
from service.api.callers import MayOperate, MayRead
from service.api.documents import problems
from service.api.state import Served
from service.errors import UnknownRemedyError
from service.remedies.decide import Decision, approve, reject
from service.store.models import champion, version_by_id
from service.store.remedies import Remedy, find_remedy, remedies_of, remedies_of_model
from service.store.remedy_steps import Step, steps_of

router = APIRouter(tags=["remedies"])


class RemedyReply(BaseModel):
    """What an alarm asked for, waiting for a person while `proposed`."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    alarm: UUID
    action: Annotated[str, Field(examples=["recalibrate"])]
    state: Annotated[str, Field(examples=["proposed"])]
    proposed_at: datetime
    decided_at: datetime | None = None
    evidence_bundle: Annotated[str | None, Field(description="SHA-256 of the folder of evidence, once there is one.")] = None


class StepReply(BaseModel):
    """One step of a remedy: a state that it came to, or something worth knowing on the way."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    step: Annotated[str, Field(examples=["approved"])]
    at: datetime
    actor: Annotated[str, Field(examples=["model-owner"])]
    reason: str
    details: dict[str, Any]


class RemedyDetail(RemedyReply):
    """A remedy in full: whose, under which plan, which version came of it, and every step."""

    model: Annotated[str, Field(examples=["chest"])]
    version: Annotated[str, Field(examples=["1"])]
    challenger: Annotated[str | None, Field(examples=["1-recalibrated-0f3a9c21"])]
    plan: dict[str, Any] | None
    steps: list[StepReply]

    @classmethod
    def of(cls, connection: Connection, remedy: Remedy) -> RemedyDetail:
        """The remedy with what it points to."""
        whose = version_by_id(connection, remedy.model_version or 0)
        challenger = None if remedy.challenger is None else version_by_id(connection, remedy.challenger).version
        return cls(
            **dict(RemedyReply.model_validate(remedy)),
            model=whose.model,
            version=whose.version,
            challenger=challenger,
            plan=None if remedy.plan is None else dict(remedy.plan),
            steps=[StepReply.model_validate(step) for step in steps_of(connection, remedy.id)],
        )


class Reason(BaseModel):
    """Why; kept for good with the name of the caller. It is not the place for anything about a patient."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Annotated[
        str,
        Field(min_length=SHORTEST_REASON, max_length=LONGEST_REASON, examples=["Confirmed by the physicist; labels of four weeks agree."]),
    ]

    def decision(self, remedy: UUID, caller: Caller) -> Decision:
        """The decision of this caller, now."""
        return Decision(remedy, datetime.now(UTC), caller.name, self.reason)

    def step(self, remedy: UUID, caller: Caller, name: str) -> Step:
        """A step of this caller, now."""
        return Step(remedy, name, datetime.now(UTC), caller.name, self.reason)


AllVersions = Annotated[bool, Query(description="Those of former versions, too.")]


@router.get("/v1/models/{model}/remedies", operation_id="list_remedies", summary="Remedies of a model", responses=problems(400, 404, 503))
async def list_remedies(model: str, _caller: MayRead, service: Served, *, all_versions: AllVersions = False) -> list[RemedyReply]:
    """What the alarms of the version in service asked for, or of all versions, latest first."""

    def ask(connection: Connection) -> list[Remedy]:
        current = champion(connection, model)
        return remedies_of_model(connection, model) if all_versions else remedies_of(connection, current.id)

    return [RemedyReply.model_validate(remedy) for remedy in await service.database.run(ask)]


@router.get("/v1/remedies/{remedy}", operation_id="get_remedy", summary="One remedy", responses=problems(400, 404, 503))
async def get_remedy(remedy: UUID, _caller: MayRead, service: Served) -> RemedyDetail:
    """A remedy with its plan and all its steps, first step first."""

    def ask(connection: Connection) -> RemedyDetail:
        found = find_remedy(connection, remedy)
        if found is None:
            raise UnknownRemedyError
        return RemedyDetail.of(connection, found)

    return await service.database.run(ask)


@router.post(
    "/v1/remedies/{remedy}/approve", operation_id="approve_remedy", summary="Approve a remedy", responses=problems(400, 403, 404, 409, 503)
)
async def approve_remedy(remedy: UUID, reason: Reason, caller: MayOperate, service: Served) -> RemedyDetail:
    """Let it be carried out. A stop is done at once; a fit or a retraining is begun by the worker. A second decision is 409."""
    decision = reason.decision(remedy, caller)

    def decide(connection: Connection) -> RemedyDetail:
        return RemedyDetail.of(connection, approve(connection, decision))

    return await service.database.run(decide)


@router.post(
    "/v1/remedies/{remedy}/reject", operation_id="reject_remedy", summary="Reject a remedy", responses=problems(400, 403, 404, 409, 503)
)
async def reject_remedy(remedy: UUID, reason: Reason, caller: MayOperate, service: Served) -> RemedyDetail:
    """Decide against it; one that is on its way is given up, and its challenger leaves the champion's shadow."""
    decision = reason.decision(remedy, caller)

    def decide(connection: Connection) -> RemedyDetail:
        return RemedyDetail.of(connection, reject(connection, decision))

    return await service.database.run(decide)
