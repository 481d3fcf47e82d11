"""Canaries: a challenger answers in part, and one call ends that."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.api.callers import MayOperate, MayRead
from service.api.documents import problems
from service.api.remedies import Reason, RemedyDetail
from service.api.state import Served
from service.remedies.canary import MOST_SITES, Part, abort, begin
from service.store.canaries import Canary, canaries_of, count_answered
from service.store.models import champion, version_by_id

router = APIRouter(tags=["remedies"])


class Beginning(Reason):
    """Of which films, why, and whether although the comparison has not passed."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["share"], "properties": {"share": {"exclusiveMinimum": 0}}},
                {"required": ["sites"], "properties": {"sites": {"minItems": 1}}},
            ]
        }
    )

    share: Annotated[float, Field(ge=0, le=1, description="Of patients; a patient's films go one way.", examples=[0.1])] = 0.0
    sites: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            max_length=MOST_SITES,
            description="Sites of which it answers every film.",
            examples=[["south"]],
            json_schema_extra={"uniqueItems": True},
        ),
    ] = ()
    force: bool = False


class CanaryReply(BaseModel):
    """A challenger that answered in part from `begun_at` until `ended_at`; null: it still does."""

    model_config = ConfigDict(frozen=True)

    version: Annotated[str, Field(examples=["1-retrained-0f3a9c21"])]
    remedy: UUID
    share: float
    sites: list[str]
    begun_at: datetime
    begun_by: str
    reason: str
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None
    answered: Annotated[int, Field(description="Films that it has answered.")]

    @classmethod
    def of(cls, connection: Connection, canary: Canary) -> CanaryReply:
        """The canary with the name of its version."""
        values = {name: getattr(canary, name) for name in Canary.__slots__ if name not in {"model", "version", "sites"}}
        version = version_by_id(connection, canary.version).version
        return cls(**values, version=version, sites=list(canary.sites), answered=count_answered(connection, canary))


@router.post(
    "/v1/remedies/{remedy}/canary",
    operation_id="begin_canary",
    summary="Let the challenger answer in part",
    responses=problems(400, 403, 404, 409, 503),
)
async def begin_canary(remedy: UUID, body: Beginning, caller: MayOperate, service: Served) -> RemedyDetail:
    """Within seconds every gateway lets it answer a share of patients, or all films of some sites, under its own version. Again: another part."""
    decision, part = body.decision(remedy, caller), Part(body.share, body.sites)

    def act(connection: Connection) -> RemedyDetail:
        return RemedyDetail.of(connection, begin(connection, decision, part, force=body.force))

    return await service.database.run(act)


@router.post(
    "/v1/remedies/{remedy}/canary/abort",
    operation_id="abort_canary",
    summary="Let the champion answer alone again",
    responses=problems(400, 403, 404, 503),
)
async def abort_canary(remedy: UUID, reason: Reason, caller: MayOperate, service: Served) -> RemedyDetail:
    """Within seconds the champion answers every film; the challenger stays in its shadow. Twice is as good as once."""
    decision = reason.decision(remedy, caller)

    def act(connection: Connection) -> RemedyDetail:
        return RemedyDetail.of(connection, abort(connection, decision))

    return await service.database.run(act)


@router.get(
    "/v1/models/{model}/canaries", operation_id="list_canaries", summary="Challengers that answered in part", responses=problems(404, 503)
)
async def list_canaries(model: str, _caller: MayRead, service: Served) -> list[CanaryReply]:
    """Every canary of a model with what it was given and how many films it has answered, latest first."""

    def ask(connection: Connection) -> list[CanaryReply]:
        champion(connection, model)
        return [CanaryReply.of(connection, one) for one in canaries_of(connection, model)]

    return await service.database.run(ask)
