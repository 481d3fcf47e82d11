"""Devices: which scanners send films to a model, and which of them are new."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.store.devices import KnownDevice, devices_of
from service.store.models import champion

router = APIRouter(prefix="/v1/models", tags=["monitoring"])

MOST = 1000


class DeviceReply(BaseModel):
    """One device as its films describe it; empty text is what they do not say. `films` may lag by half a minute.

    A name that is not accepted yet is a category, OTHER- and eight digits; it is accepted once five patients share it, or by an operator.
    """

    model_config = ConfigDict(frozen=True)

    site: Annotated[str, Field(examples=["main"])]
    manufacturer: Annotated[str, Field(examples=["ACME IMAGING"])]
    device_model: Annotated[str, Field(examples=["RADIANT 5"])]
    software: Annotated[str, Field(examples=["3.1/B7"])]
    station: Annotated[str, Field(examples=["9f2c5b1a77d0e34c"], description="A keyed pseudonym of the station's name.")]
    first_seen: datetime
    last_seen: datetime
    films: Annotated[int, Field(examples=[120])]
    in_reference: Annotated[bool | None, Field(description="Seen before the end of the model's reference; null while it has none.")]

    @classmethod
    def of(cls, known: KnownDevice) -> DeviceReply:
        seen, device = known.sighting, known.sighting.device
        return cls(
            site=device.site,
            manufacturer=device.manufacturer,
            device_model=device.device_model,
            software=device.software,
            station=device.station,
            first_seen=seen.first_seen,
            last_seen=seen.last_seen,
            films=seen.films,
            in_reference=known.in_reference,
        )


Limit = Annotated[int, Query(ge=1, le=MOST, description="At most so many.")]


@router.get("/{model}/devices", operation_id="list_devices", summary="Devices of a model", responses=problems(400, 404, 503))
async def list_devices(model: str, _caller: MayRead, service: Served, limit: Limit = MOST) -> list[DeviceReply]:
    """Every device that sent films to this model, the newest first."""

    def ask(connection: Connection) -> list[KnownDevice]:
        return devices_of(connection, champion(connection, model).model, limit)

    return [DeviceReply.of(known) for known in await service.database.run(ask)]
