"""Acknowledgements of an alarm: who has seen it, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import Connection

from service.access import LONGEST_REASON, SHORTEST_REASON
from service.api.bodies import read_json
from service.api.callers import MayOperate, MayRead
from service.api.documents import problems
from service.api.reviews import alarm_of
from service.api.state import Served
from service.store.acknowledgements import Acknowledgement, acknowledge, acknowledgements_of
from service.store.ids import uuid7

router = APIRouter(prefix="/v1/models", tags=["monitoring"])

Reason = Annotated[
    str,
    Field(
        min_length=SHORTEST_REASON,
        max_length=LONGEST_REASON,
        pattern=r"\S",
        description="Why, in a line; kept for good, so no patient and no person in it.",
        examples=["The new scanner of the main room; service is informed."],
    ),
]


class Seen(BaseModel):
    """Says that an alarm was seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason


class AcknowledgementReply(BaseModel):
    """Who has seen an alarm. The alarm itself stays open until its cause is over."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    alarm: UUID
    at: datetime
    actor: Annotated[str, Field(examples=["quality-lead"])]
    reason: str


SEEN = TypeAdapter(Seen)
BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": Seen.model_json_schema()}}}}


@router.post(
    "/{model}/alarms/{alarm}/acknowledgements",
    operation_id="acknowledge_alarm",
    summary="Say that an alarm was seen",
    status_code=201,
    responses=problems(400, 403, 404, 408, 413, 415, 503),
    openapi_extra=BODY,
)
async def acknowledge_alarm(model: str, alarm: UUID, request: Request, caller: MayOperate, service: Served) -> AcknowledgementReply:
    """Keep who saw the alarm, when, and the reason. It is audited, can be said again, and is never changed."""
    seen, now = await read_json(request, SEEN), datetime.now(UTC)
    said = Acknowledgement(uuid7(now), alarm, now, caller.name, " ".join(seen.reason.split()))

    def work(connection: Connection) -> None:
        alarm_of(connection, model, alarm)
        acknowledge(connection, said)

    await service.database.run(work)
    return AcknowledgementReply.model_validate(said)


@router.get(
    "/{model}/alarms/{alarm}/acknowledgements",
    operation_id="list_acknowledgements",
    summary="Who has seen an alarm",
    responses=problems(400, 404, 503),
)
async def list_acknowledgements(model: str, alarm: UUID, _caller: MayRead, service: Served) -> list[AcknowledgementReply]:
    """What was said of an alarm, earliest first."""

    def ask(connection: Connection) -> Sequence[Acknowledgement]:
        return acknowledgements_of(connection, [alarm_of(connection, model, alarm).id]).get(alarm, ())

    return [AcknowledgementReply.model_validate(said) for said in await service.database.run(ask)]
