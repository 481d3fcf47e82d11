"""Alarms of the version in service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.domain import Alarm
from service.store.alarms import alarms_of
from service.store.judgements import Judgement, Standing, judgements_of
from service.store.models import champion

router = APIRouter(prefix="/v1/models", tags=["monitoring"])


class CarrierReply(BaseModel):
    """One series that carries an alarm: what moved, from which rate to which, on how many observations."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    series: str
    family: Annotated[str, Field(examples=["acquisition"])]
    subgroup: Annotated[str, Field(validation_alias="cell", examples=["site=north"])]
    feature: Annotated[str, Field(examples=["ManufacturerModelName"])]
    finding: Annotated[str, Field(examples=[""])]
    bin: str
    side: str
    reference_rate: float
    rate: Annotated[float | None, Field(description="Null, like n, where it would tell of fewer than 11 patients.")]
    n: int | None
    evidence: Annotated[float, Field(description="Evidence over its limit; 1 or more pages.")]
    examples: Annotated[list[UUID], Field(description="Ids of a few predictions that show it, the most extreme first.")]


class AlarmReply(BaseModel):
    """An alarm: evidence passed its limit. `since` is when the change is estimated to have begun; without `cleared_at` it is open."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    kind: Annotated[str, Field(examples=["acquisition"])]
    family: Annotated[str, Field(examples=["inputs"])]
    subgroup: Annotated[str, Field(validation_alias="cell", examples=["site=north"])]
    opened_at: datetime
    since: datetime
    cleared_at: datetime | None
    evidence: Annotated[float, Field(examples=[1.7])]
    summary: str
    carriers: list[CarrierReply]
    standing: Annotated[
        Standing,
        Field(
            description="`confirmed` or `superseded` once its days were judged again on labels that came late or were corrected: whether it "
            "would open on its day by what is known now."
        ),
    ] = Standing.OPENED


Open = Annotated[bool | None, Query(alias="open", description="Only alarms that are open, or only those that are not.")]


@router.get("/{model}/alarms", operation_id="list_alarms", summary="Alarms of a model", responses=problems(400, 404, 503))
async def list_alarms(model: str, _caller: MayRead, service: Served, is_open: Open = None) -> list[AlarmReply]:
    """Alarms of the version in service, latest first, with the series that carry them."""

    def ask(connection: Connection) -> list[AlarmReply]:
        alarms = [alarm for alarm in alarms_of(connection, champion(connection, model).id) if is_open in {None, alarm.cleared_at is None}]
        judged = judgements_of(connection, [alarm.id for alarm in alarms])
        return [told(alarm, judged.get(alarm.id, ())) for alarm in alarms]

    return await service.database.run(ask)


def told(alarm: Alarm, judged: Sequence[Judgement]) -> AlarmReply:
    """An alarm with what its last judgement made of it."""
    return AlarmReply.model_validate(alarm).model_copy(update={"standing": judged[-1].standing if judged else Standing.OPENED})
