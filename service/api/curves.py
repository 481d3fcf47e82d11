"""Curves of a finding: ROC, precision-recall, decision curve and reliability, from tallies, for any window and subgroup."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit
from sqlalchemy import Connection

from detectors.calibration_curve import EVENTS_NEEDED, calibration_curve
from detectors.curves import Curve, Point, curves
from detectors.hidden import WHY
from detectors.masses import Masses, masses_of
from detectors.patients import performance_dispersion
from service.api.asked import CSV, NO_REFERENCE, Asked, wants_csv
from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.models.manifest import parse_manifest
from service.store.models import champion
from service.worker.stretch import Stretch, beside, stretch_of

router = APIRouter(prefix="/v1/models", tags=["monitoring"])

NEEDED = 20
"""Positives and negatives, each."""
COLUMNS = tuple(one.name for one in fields(Point))


class PointsReply(BaseModel):
    """The points of a curve in columns; point i is the i-th of each."""

    model_config = ConfigDict(frozen=True)

    threshold: Annotated[list[float], Field(description="As a logit: a score at or above it is flagged.")]
    x: list[float]
    y: list[float]
    low: Annotated[list[float], Field(description="Lower end of the 95 % interval of y.")]
    high: list[float]
    n: Annotated[list[float], Field(description="Plain labels that would say as much.")]


class CurveReply(BaseModel):
    """One curve. `bound`: how far area (reliability: x) may lie from that of raw scores, as these were counted in bins of 0.032 logits."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[Literal["roc", "precision_recall", "decision", "reliability"], Field(examples=["roc"])]
    x: Annotated[str, Field(examples=["false positive rate"])]
    y: Annotated[str, Field(examples=["true positive rate"])]
    area: Annotated[float | None, Field(examples=[0.91])]
    bound: Annotated[float, Field(examples=[0.00008])]
    points: PointsReply

    @classmethod
    def of(cls, curve: Curve) -> CurveReply:
        columns = {name: [getattr(point, name) for point in curve.points] for name in COLUMNS}
        return cls(name=curve.name, x=curve.x, y=curve.y, area=curve.area, bound=curve.bound, points=PointsReply(**columns))


class DistanceReply(BaseModel):
    """Mean, median and ninth decile, over films, of the distance of a smooth line of frequencies from what the scores say."""

    model_config = ConfigDict(frozen=True)

    ici: Annotated[float, Field(description="Integrated calibration index: the mean.", examples=[0.012])]
    e50: float
    e90: float
    chance: Annotated[float, Field(description="The ici that a perfect model of as many labels shows on average.")]


class CurvesReply(BaseModel):
    """Format 1 of the curves. Where labels are too few there are none, and `reason` says why."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    model: Annotated[str, Field(examples=["chest"])]
    version: Annotated[str, Field(examples=["1"])]
    finding: Annotated[str, Field(examples=["opacity"])]
    subgroup: Annotated[str, Field(examples=["all"])]
    since: datetime | None = None
    until: datetime | None = None
    threshold: Annotated[float, Field(description="The deployed operating point, as a logit.", examples=[0.0])]
    threshold_probability: Annotated[float, Field(examples=[0.5])]
    labels: Annotated[int, Field(description="Labels that this rests on; each stands for films of like score that nobody read.")] = 0
    positives: Annotated[float, Field(description="Films with the finding, those estimated that nobody read.")] = 0.0
    negatives: float = 0.0
    prevalence: float | None = None
    dispersion: Annotated[float, Field(description="By which the variances behind the intervals were multiplied.")] = 1.0
    reason: Annotated[str, Field(examples=[""])] = ""
    calibration: Annotated[
        DistanceReply | None, Field(description=f"From {EVENTS_NEEDED} positives and {EVENTS_NEEDED} negatives; null below.")
    ] = None
    curves: list[CurveReply] = []


@router.get(
    "/{model}/curves",
    operation_id="get_curves",
    summary="Curves of a finding",
    response_model=CurvesReply,
    responses={**problems(400, 404, 503), 200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
async def get_curves(model: str, request: Request, _caller: MayRead, service: Served, asked: Annotated[Asked, Query()]) -> Response:
    """ROC, precision-recall, decision curve and reliability of the labelled films of a window; as CSV where `Accept` asks for it."""
    table = wants_csv(request)

    def ask(connection: Connection) -> str:
        reply = drawn(connection, model, asked)
        return as_csv(reply) if table else reply.model_dump_json()

    return Response(await service.database.run(ask), media_type=CSV if table else "application/json", headers={"Vary": "Accept"})


def drawn(connection: Connection, model: str, asked: Asked) -> CurvesReply:
    version = champion(connection, model)
    manifest = parse_manifest(version.manifest)
    finding = asked.finding_of(manifest)
    threshold = manifest.threshold_logits[manifest.finding_names.index(finding)]
    bare = CurvesReply(
        model=version.model,
        version=version.version,
        finding=finding,
        subgroup=asked.subgroup,
        threshold=threshold,
        threshold_probability=float(expit(threshold)),
        reason=NO_REFERENCE,
    )
    stretch = stretch_of(connection, version, asked.window, beside(asked.subgroup), asked.until, matured=True)
    return bare if stretch is None else _filled(bare, stretch, asked.cell_of(stretch.subject.reference))


def _filled(bare: CurvesReply, stretch: Stretch, cell: str) -> CurvesReply:
    reference = stretch.subject.reference
    if stretch.hides(cell):
        return bare.model_copy(update={"since": stretch.since, "until": stretch.until, "reason": WHY})
    masses = masses_of(reference.schema, stretch.window, [bare.finding], [cell])
    phi = performance_dispersion(reference, stretch.window)(bare.finding, cell)
    known = {"since": stretch.since, "until": stretch.until, "labels": int(masses.labels[0]), "dispersion": phi}
    if masses.events[0].min() < NEEDED:
        return bare.model_copy(update=known | {"reason": masses.reasons[0] or f"{NEEDED} positives and {NEEDED} negatives needed"})
    found = [CurveReply.of(curve) for curve in curves(masses.negatives[0], masses.positives[0], masses.scale[0], phi)]
    negatives, positives = masses.scores[0].sum(axis=1).tolist()
    counts = {"negatives": negatives, "positives": positives, "prevalence": positives / (negatives + positives)}
    return bare.model_copy(update=known | counts | {"reason": "", "curves": found, "calibration": _distance(masses, phi)})


def _distance(masses: Masses, phi: float) -> DistanceReply | None:
    if masses.events[0].min() < EVENTS_NEEDED:
        return None
    line = calibration_curve(masses.negatives[0], masses.positives[0], masses.scale[0], phi)
    return DistanceReply(ici=line.ici, e50=line.e50, e90=line.e90, chance=line.chance)


def as_csv(reply: CurvesReply) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(("curve", *COLUMNS))
    for curve in reply.curves:
        columns = curve.points.model_dump()
        writer.writerows((curve.name, *row) for row in zip(*(columns[name] for name in COLUMNS), strict=True))
    return sink.getvalue()
