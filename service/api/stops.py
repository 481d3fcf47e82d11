"""Out of service and back: a model that is stopped answers 503 with the reason, until it is resumed."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from service.api.callers import MayOperate, MayRead
from service.api.documents import problems
from service.api.remedies import Reason
from service.api.state import Served
from service.store.models import champion
from service.store.stops import Stop, resume_model, stop_model, stops_of

router = APIRouter(prefix="/v1/models", tags=["remedies"])


class StopReply(BaseModel):
    """A time in which a model answered nobody; without an end it is still so."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    stopped_at: datetime
    stopped_by: str
    reason: str
    resumed_at: datetime | None
    resumed_by: str | None
    resume_reason: str | None


@router.get("/{model}/stops", operation_id="list_stops", summary="When a model was out of service", responses=problems(404, 503))
async def list_stops(model: str, _caller: MayRead, service: Served) -> list[StopReply]:
    """Every time that the model was taken out of service, latest first."""

    def ask(connection: Connection) -> list[Stop]:
        champion(connection, model)
        return stops_of(connection, model)

    return [StopReply.model_validate(stop) for stop in await service.database.run(ask)]


@router.post("/{model}/stop", operation_id="stop_model", summary="Take a model out of service", responses=problems(400, 403, 404, 503))
async def stop(model: str, reason: Reason, caller: MayOperate, service: Served) -> list[StopReply]:
    """Its films are answered 503 with the reason from within seconds on, by every gateway. A model that is out of service already stays so."""

    def act(connection: Connection) -> list[Stop]:
        champion(connection, model)
        stop_model(connection, Stop(model, datetime.now(UTC), caller.name, reason.reason))
        return stops_of(connection, model)

    return [StopReply.model_validate(one) for one in await service.database.run(act)]


@router.post(
    "/{model}/resume", operation_id="resume_model", summary="Put a model back into service", responses=problems(400, 403, 404, 503)
)
async def resume(model: str, reason: Reason, caller: MayOperate, service: Served) -> list[StopReply]:
    """It answers again within seconds. A model that is in service stays so."""

    def act(connection: Connection) -> list[Stop]:
        champion(connection, model)
        resume_model(connection, model, at=datetime.now(UTC), actor=caller.name, reason=reason.reason)
        return stops_of(connection, model)

    return [StopReply.model_validate(one) for one in await service.database.run(act)]
