"""Series of the last run: everything that can page, with its evidence, its rate and its band."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.store.models import champion
from service.store.snapshots import find_snapshot, load_series
from service.worker.snapshot import SeriesReading, Snapshot, unpack_series

router = APIRouter(prefix="/v1/models", tags=["monitoring"])

Text = Annotated[str | None, Field(max_length=200)]


class SeriesFilters(BaseModel):
    """Narrows the series; what is not given is not narrowed."""

    model_config = ConfigDict(frozen=True)

    family: Text = None
    finding: Text = None
    feature: Text = None
    subgroup: Annotated[str | None, Field(max_length=200, description="`all`, or attribute=value.", examples=["site=north"])] = None
    evidence: Annotated[float, Field(ge=0, description="Only series with at least so much evidence; 1 opens an alarm.")] = 0.0

    def let_through(self, one: SeriesReading) -> bool:
        """Whether a series is asked for."""
        asked = ((self.family, one.family), (self.finding, one.finding), (self.feature, one.feature), (self.subgroup, one.cell))
        return one.evidence >= self.evidence and all(wanted is None or wanted == found for wanted, found in asked)


class SeriesReply(BaseModel):
    """One rate that is watched. A detectable odds ratio is null where the side is not watched, or where none up to 1,000 would page."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    family: Annotated[str, Field(examples=["acquisition"])]
    series: Annotated[str, Field(examples=["acquisition:all:KVP:from 120"])]
    feature: Annotated[str, Field(examples=["KVP"])]
    finding: Annotated[str, Field(examples=[""])]
    subgroup: Annotated[str, Field(validation_alias="cell", examples=["all"])]
    bin: Annotated[str, Field(examples=["from 120"])]
    evidence: Annotated[float, Field(description="Over its limit; 1 opens an alarm.", examples=[0.02])]
    rate: Annotated[float | None, Field(description="Share in the last seven judged days.", examples=[0.11])]
    reference_rate: Annotated[float, Field(examples=[0.1])]
    low: Annotated[float, Field(description="Lower edge of its band.", examples=[0.07])]
    high: Annotated[float, Field(examples=[0.15])]
    detectable_fall: Annotated[
        float | None, Field(description="Smallest odds ratio that is expected to page within two weeks at the last week's volume.")
    ]
    detectable_rise: float | None


class AllSeriesReply(BaseModel):
    """The series of the version in service, strongest first; `judged_until` is null before anything was judged."""

    model_config = ConfigDict(frozen=True)

    model: Annotated[str, Field(examples=["chest"])]
    version: Annotated[str, Field(examples=["1"])]
    judged_until: datetime | None
    series: list[SeriesReply]


@router.get(
    "/{model}/series",
    operation_id="list_series",
    summary="Series of a model that can page",
    response_model=AllSeriesReply,
    responses=problems(400, 404, 503),
)
async def list_series(model: str, _caller: MayRead, service: Served, filters: Annotated[SeriesFilters, Query()]) -> Response:
    """Where every series stood at the end of the last judged day. Prometheus is given some of them; here are all."""

    def ask(connection: Connection) -> str:
        version = champion(connection, model)
        stored = find_snapshot(connection, version.id)
        snapshot = None if stored is None else Snapshot.from_json(stored.payload)
        packed = None if snapshot is None else load_series(connection, snapshot.reference)
        found = [] if packed is None else [one for one in unpack_series(packed) if filters.let_through(one)]
        reply = AllSeriesReply(
            model=version.model,
            version=version.version,
            judged_until=None if snapshot is None else snapshot.judged_until,
            series=[SeriesReply.model_validate(one) for one in sorted(found, key=lambda one: (-one.evidence, one.series))],
        )
        return reply.model_dump_json()

    return Response(await service.database.run(ask), media_type="application/json")
