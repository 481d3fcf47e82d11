"""Subgroups of a finding: each against everybody else, small ones hidden, from tallies, for any window."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from detectors.measurement import Interval
from detectors.plan import ALL
from detectors.subgroups import Attribute, Gap, Subgroup, subgroups
from service.api.asked import CSV, NO_REFERENCE, AskedFinding, wants_csv
from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.models.manifest import parse_manifest
from service.store.models import champion
from service.worker.stretch import stretch_of

router = APIRouter(prefix="/v1/models", tags=["monitoring"])

Number = Annotated[float | None, Field(examples=[0.91])]


class GapReply(BaseModel):
    """A rate of a subgroup, and less that of everybody else. `n`: plain labels that would say as much."""

    model_config = ConfigDict(frozen=True)

    rate: Annotated[str, Field(examples=["sensitivity"])]
    n: float
    value: Number
    low: Number
    high: Number
    shrunk: Annotated[
        float | None, Field(description="Held towards the other cells of its kind, as far as these differ no more than chance.")
    ]
    shrunk_low: Number
    shrunk_high: Number
    rest: Annotated[float | None, Field(description="The rate of everybody else.")]
    gap: Annotated[float | None, Field(examples=[-0.04])]
    gap_low: Number
    gap_high: Number
    p: Annotated[float | None, Field(description="That there is no gap, adjusted for all gaps of this table (Benjamini-Hochberg).")]
    detectable_gap: Annotated[float | None, Field(description="Smallest gap that would be found at this n in four of five windows.")]
    reason: Annotated[str, Field(examples=[""])]

    @classmethod
    def of(cls, gap: Gap) -> GapReply:
        low, high = _ends(gap.interval)
        shrunk_low, shrunk_high = _ends(gap.shrunk_interval)
        gap_low, gap_high = _ends(gap.gap_interval)
        return cls(
            rate=gap.name,
            n=gap.n,
            value=gap.value,
            low=low,
            high=high,
            shrunk=gap.shrunk,
            shrunk_low=shrunk_low,
            shrunk_high=shrunk_high,
            rest=gap.rest,
            gap=gap.gap,
            gap_low=gap_low,
            gap_high=gap_high,
            p=gap.p,
            detectable_gap=gap.detectable,
            reason=gap.reason,
        )


class SubgroupReply(BaseModel):
    """One subgroup or pair. `hidden`: it has 1 to 10 patients, or what has could be reckoned from it."""

    model_config = ConfigDict(frozen=True)

    subgroup: Annotated[str, Field(examples=["PatientSex=F"])]
    hidden: bool
    films: int | None
    patients: Annotated[int | None, Field(description="Estimated; no patient is kept.")]
    rates: list[GapReply]

    @classmethod
    def of(cls, one: Subgroup) -> SubgroupReply:
        patients = None if one.patients is None else round(one.patients)
        return cls(subgroup=one.cell, hidden=one.hidden, films=one.films, patients=patients, rates=[GapReply.of(gap) for gap in one.gaps])


class AttributeReply(BaseModel):
    """Films that do not say, and films with a value that is too rare to be a subgroup; null where that is hidden."""

    model_config = ConfigDict(frozen=True)

    attribute: Annotated[str, Field(examples=["PatientSex"])]
    missing: int | None
    other: int | None

    @classmethod
    def of(cls, one: Attribute) -> AttributeReply:
        return cls(attribute=one.name, missing=one.missing, other=one.other)


class SubgroupsReply(BaseModel):
    """Format 1 of the subgroups."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    model: Annotated[str, Field(examples=["chest"])]
    version: Annotated[str, Field(examples=["1"])]
    finding: Annotated[str, Field(examples=["opacity"])]
    since: datetime | None = None
    until: datetime | None = None
    reason: Annotated[str, Field(examples=[""])] = ""
    attributes: list[AttributeReply] = []
    subgroups: list[SubgroupReply] = []


@router.get(
    "/{model}/subgroups",
    operation_id="get_subgroups",
    summary="Subgroups of a finding",
    response_model=SubgroupsReply,
    responses={**problems(400, 404, 503), 200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
async def get_subgroups(
    model: str, request: Request, _caller: MayRead, service: Served, asked: Annotated[AskedFinding, Query()]
) -> Response:
    """Every declared subgroup and pair against everybody else; as CSV where `Accept` asks for it."""
    table = wants_csv(request)

    def ask(connection: Connection) -> str:
        reply = compared(connection, model, asked)
        return as_csv(reply) if table else reply.model_dump_json()

    return Response(await service.database.run(ask), media_type=CSV if table else "application/json", headers={"Vary": "Accept"})


def compared(connection: Connection, model: str, asked: AskedFinding) -> SubgroupsReply:
    version = champion(connection, model)
    finding = asked.finding_of(parse_manifest(version.manifest))
    bare = SubgroupsReply(model=version.model, version=version.version, finding=finding, reason=NO_REFERENCE)
    stretch = stretch_of(connection, version, asked.window, None, asked.until, matured=True)
    if stretch is None:
        return bare
    cells, attributes = subgroups(stretch.subject.reference, stretch.window, finding)
    known = {"since": stretch.since, "until": stretch.until, "reason": "" if ALL in stretch.window else "no films in this window"}
    listed = {"subgroups": list(map(SubgroupReply.of, cells)), "attributes": list(map(AttributeReply.of, attributes))}
    return bare.model_copy(update=known | listed)


def as_csv(reply: SubgroupsReply) -> str:
    sink = io.StringIO()
    columns = ("subgroup", "hidden", "films", "patients", *GapReply.model_fields)
    writer = csv.writer(sink)
    writer.writerow(columns)
    for one in reply.subgroups:
        head = (one.subgroup, one.hidden, one.films, one.patients)
        writer.writerows((*head, *gap.model_dump().values()) for gap in one.rates) if one.rates else writer.writerow(head)
    return sink.getvalue()


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)
