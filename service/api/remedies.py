"""Remedies that alarms of the version in service asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.store.models import champion
from service.store.remedies import Remedy, remedies_of

router = APIRouter(prefix="/v1/models", tags=["monitoring"])


class RemedyReply(BaseModel):
    """A proposal that an alarm opened, waiting for a person while `proposed`."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    alarm: UUID
    action: Annotated[str, Field(examples=["recalibrate"])]
    state: Annotated[str, Field(examples=["proposed"])]
    proposed_at: datetime


@router.get("/{model}/remedies", operation_id="list_remedies", summary="Remedies of a model", responses=problems(404, 503))
async def list_remedies(model: str, _caller: MayRead, service: Served) -> list[RemedyReply]:
    """What the alarms of the version in service asked for, latest first."""

    def ask(connection: Connection) -> list[Remedy]:
        return remedies_of(connection, champion(connection, model).id)

    return [RemedyReply.model_validate(remedy) for remedy in await service.database.run(ask)]
