"""Thresholds: the operating point that costs least by the plan at today's prevalence, and what would change. Nothing is applied by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from detectors.decision_costs import costs_of
from detectors.masses import masses_of
from detectors.operating_point import EVENTS_NEEDED, Point, Recommendation, recommend
from detectors.patients import performance_dispersion
from detectors.plan import ALL
from detectors.prevalence_estimate import prevalence_estimate
from service.api.asked import NO_REFERENCE, AskedFinding
from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.models.manifest import parse_manifest
from service.store.models import champion
from service.worker.stretch import Stretch, stretch_of

router = APIRouter(prefix="/v1/models", tags=["monitoring"])


PLENTIFUL = 200
"""Positives and negatives, each, from which labels say what today's prevalence is, and not scores."""


class PointReply(BaseModel):
    """An operating point and what it does to a thousand films."""

    model_config = ConfigDict(frozen=True)

    threshold: Annotated[float, Field(description="As a logit.")]
    threshold_probability: Annotated[float, Field(examples=[0.5])]
    flagged_per_thousand: float
    missed_per_thousand: Annotated[float, Field(description="Positives below it.")]
    cost_per_thousand: float
    sensitivity: float
    specificity: float

    @classmethod
    def of(cls, point: Point) -> PointReply:
        return cls(
            threshold=point.threshold,
            threshold_probability=point.probability,
            flagged_per_thousand=point.flagged,
            missed_per_thousand=point.missed,
            cost_per_thousand=point.cost,
            sensitivity=point.sensitivity,
            specificity=point.specificity,
        )


class RecommendationReply(BaseModel):
    """Where the finding operates, and where it would cost least. `change`: nineteen of twenty halves of the labels agree that the point that the other half found would save."""

    model_config = ConfigDict(frozen=True)

    change: bool
    deployed: PointReply
    best: PointReply
    best_low: Annotated[float, Field(description="Lower end of the 95 % interval of the best threshold, as a logit.")]
    best_high: float
    more_flagged_per_thousand: float
    more_missed_per_thousand: float
    saved_per_thousand: float
    saved_low: float
    saved_high: float
    sure: Annotated[float, Field(description="Share of halves in which it saves anything.")]

    @classmethod
    def of(cls, found: Recommendation) -> RecommendationReply:
        deployed, best = found.deployed, found.best
        return cls(
            change=found.change,
            deployed=PointReply.of(deployed),
            best=PointReply.of(best),
            best_low=found.threshold.low,
            best_high=found.threshold.high,
            more_flagged_per_thousand=best.flagged - deployed.flagged,
            more_missed_per_thousand=best.missed - deployed.missed,
            saved_per_thousand=deployed.cost - best.cost,
            saved_low=found.saved.low,
            saved_high=found.saved.high,
            sure=found.sure,
        )


class ThresholdsReply(BaseModel):
    """Format 1 of the recommendation for one finding. Nothing is changed by it: a person decides, and a new version of the package carries it."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    model: Annotated[str, Field(examples=["chest"])]
    version: Annotated[str, Field(examples=["1"])]
    finding: Annotated[str, Field(examples=["opacity"])]
    since: datetime | None = None
    until: datetime | None = None
    labels: int = 0
    cost_false_negative: float
    cost_false_positive: float
    prevalence: float | None = None
    prevalence_from: Annotated[
        Literal["scores", "labels"] | None,
        Field(description="Labels where they are plentiful; else all films' scores, where these are a mixture of the reference's."),
    ] = None
    reason: Annotated[str, Field(examples=[""])] = ""
    recommendation: RecommendationReply | None = None


@router.get("/{model}/thresholds", operation_id="get_thresholds", summary="Recommended operating point", responses=problems(400, 404, 503))
async def get_thresholds(model: str, _caller: MayRead, service: Served, asked: Annotated[AskedFinding, Query()]) -> ThresholdsReply:
    """The operating point of least expected cost for a finding, with how sure that is, and what would change."""
    return await service.database.run(lambda connection: recommended(connection, model, asked))


def recommended(connection: Connection, model: str, asked: AskedFinding) -> ThresholdsReply:
    version = champion(connection, model)
    manifest = parse_manifest(version.manifest)
    finding = asked.finding_of(manifest)
    declared = manifest.findings[manifest.finding_names.index(finding)]
    bare = ThresholdsReply(
        model=version.model,
        version=version.version,
        finding=finding,
        cost_false_negative=declared.cost_false_negative,
        cost_false_positive=declared.cost_false_positive,
        reason=NO_REFERENCE,
    )
    today, labelled = (stretch_of(connection, version, asked.window, [ALL], asked.until, matured=matured) for matured in (False, True))
    return bare if today is None or labelled is None else _filled(bare, today, labelled, declared.threshold_logit)


def _filled(bare: ThresholdsReply, today: Stretch, stretch: Stretch, deployed: float) -> ThresholdsReply:
    reference, finding = stretch.subject.reference, bare.finding
    masses = masses_of(reference.schema, stretch.window, (finding,), (ALL,))
    known = {"since": stretch.since, "until": stretch.until, "labels": int(masses.labels[0])}
    if masses.events[0].min() < EVENTS_NEEDED:
        return bare.model_copy(
            update=known | {"reason": masses.reasons[0] or f"{EVENTS_NEEDED} positives and {EVENTS_NEEDED} negatives needed"}
        )
    plentiful = masses.events[0].min() >= PLENTIFUL
    estimate = None if plentiful else _from_scores(today, finding)
    phi = performance_dispersion(reference, stretch.window)(finding, ALL)
    found = recommend(masses, costs_of(reference.plan, finding), deployed, estimate, phi)
    told = {"prevalence": found.prevalence, "prevalence_from": "labels" if estimate is None else "scores", "reason": ""}
    return bare.model_copy(update=known | told | {"recommendation": RecommendationReply.of(found)})


def _from_scores(today: Stretch, finding: str) -> float | None:
    """Prevalence of all films up to now, most of which have no label yet."""
    estimates = prevalence_estimate(today.subject.reference, today.window)
    return next((one.value for one in estimates if (one.name, one.finding) == ("prevalence_estimate", finding)), None)
