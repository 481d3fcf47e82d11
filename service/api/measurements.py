"""Measurements of the last run: estimates for reading, each with n, interval, limit and verdict."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from detectors.ages import age_of
from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.models.manifest import parse_manifest
from service.store.measurements import StoredMeasurement, last_measurements
from service.store.models import champion
from service.store.references import StoredReference, active_reference
from service.worker.subject import subject_with

router = APIRouter(prefix="/v1/models", tags=["monitoring"])

Text = Annotated[str | None, Field(max_length=200)]


class Filters(BaseModel):
    """Narrows the measurements; what is not given is not narrowed."""

    model_config = ConfigDict(frozen=True)

    name: Text = None
    finding: Text = None
    feature: Text = None
    subgroup: Annotated[str | None, Field(max_length=200, description="`all`, or attribute=value.", examples=["site=north"])] = None
    window: Annotated[int | None, Field(ge=1, le=36_500, description="Length of the window in days.", examples=[30])] = None


class MeasurementReply(BaseModel):
    """One number with what makes it readable. `insufficient` is an honest verdict; `reason` says why."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    name: Annotated[str, Field(examples=["auroc"])]
    finding: Annotated[str, Field(examples=["opacity"])]
    feature: Annotated[str, Field(examples=[""])]
    subgroup: Annotated[str, Field(validation_alias="cell", examples=["site=north"])]
    window_days: Annotated[int, Field(examples=[30])]
    as_of: Annotated[date, Field(description="The day up to which its window was read: the last one that is over, or today for one day.")]
    films_until: Annotated[
        date,
        Field(description="Last day of its films: earlier where labels are needed, which must have come of age, see label_maturity_days."),
    ]
    value: Annotated[float | None, Field(examples=[0.91])]
    n: Annotated[int, Field(examples=[412])]
    low: Annotated[float | None, Field(examples=[0.87])]
    high: Annotated[float | None, Field(examples=[0.94])]
    limit: Annotated[float | None, Field(examples=[0.85])]
    verdict: Annotated[str, Field(examples=["within"])]
    reason: Annotated[str, Field(examples=[""])]

    @classmethod
    def of(cls, one: StoredMeasurement, maturity_days: int) -> MeasurementReply:
        return cls.model_validate(asdict(one) | {"films_until": one.as_of - timedelta(days=age_of(one.name, maturity_days))})


class MeasurementsReply(BaseModel):
    """The last reading of each window of the version in service; `as_of` is the latest of their days, and null before the first one."""

    model_config = ConfigDict(frozen=True)

    model: Annotated[str, Field(examples=["chest"])]
    version: Annotated[str, Field(examples=["1"])]
    as_of: date | None
    strata: Annotated[
        dict[str, str],
        Field(
            description="What the films of a subgroup are compared with: their own part of the reference, or all of it.",
            examples=[{"site=north": "site=north"}],
        ),
    ]
    measurements: list[MeasurementReply]


@router.get(
    "/{model}/measurements",
    operation_id="list_measurements",
    summary="Measurements of a model",
    response_model=MeasurementsReply,
    responses=problems(400, 404, 503),
)
async def list_measurements(model: str, _caller: MayRead, service: Served, filters: Annotated[Filters, Query()]) -> Response:
    """What the last run measured, narrowed by whatever is given."""

    def ask(connection: Connection) -> str:
        version = champion(connection, model)
        reference = active_reference(connection, version.id)
        found, maturity_days = measured(connection, reference, filters), parse_manifest(version.manifest).monitoring.label_maturity_days
        reply = MeasurementsReply(
            model=version.model,
            version=version.version,
            as_of=max((each.as_of for each in found), default=None),
            strata={} if reference is None else dict(subject_with(version, reference).reference.strata),
            measurements=[MeasurementReply.of(each, maturity_days) for each in found],
        )
        # Thousands of numbers take a while to write: here, in the database's thread, no other request waits for that.
        return reply.model_dump_json()

    return Response(await service.database.run(ask), media_type="application/json")


def measured(connection: Connection, reference: StoredReference | None, filters: Filters) -> list[StoredMeasurement]:
    if reference is None:
        return []
    return last_measurements(
        connection,
        reference.id,
        name=filters.name,
        cell=filters.subgroup,
        finding=filters.finding,
        feature=filters.feature,
        window_days=filters.window,
    )
