"""What a prediction looks like to the caller."""

from __future__ import annotations

from datetime import datetime
from math import exp
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from service.api.problems import Problem
from service.domain import Durability, Prediction
from service.models.features import FLAGS
from service.models.manifest import Finding, Manifest


class FindingReply(BaseModel):
    """One finding: its score, the operating point, and on which side of it the film lies."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(examples=["opacity"])]
    logit: Annotated[float, Field(examples=[1.25])]
    probability: Annotated[float, Field(examples=[0.777], ge=0, le=1)]
    threshold: Annotated[float, Field(examples=[0.5], description="Operating point, as a probability.")]
    positive: bool

    @classmethod
    def of(cls, finding: Finding, logit: float) -> FindingReply:
        return cls(
            name=finding.name,
            logit=logit,
            probability=1 / (1 + exp(-logit)) if logit >= 0 else exp(logit) / (1 + exp(logit)),
            threshold=finding.threshold,
            positive=logit >= finding.threshold_logit,
        )


class Links(BaseModel):
    """Where to go from here."""

    model_config = ConfigDict(frozen=True)

    self: Annotated[str, Field(examples=["/v1/predictions/019cabe6-6400-7000-8000-000000000000"])]
    labels: Annotated[str, Field(examples=["/v1/predictions/019cabe6-6400-7000-8000-000000000000/labels"])]
    model: Annotated[str, Field(examples=["/v1/models/chest"])]


class PredictionReply(BaseModel):
    """The recorded answer to one film. `replayed`: the same film came before, and this is the answer that it got then."""

    model_config = ConfigDict(frozen=True)

    id: Annotated[UUID, Field(examples=["019cabe6-6400-7000-8000-000000000000"])]
    model: Annotated[str, Field(examples=["chest"])]
    version: Annotated[str, Field(examples=["1"])]
    received_at: Annotated[datetime, Field(examples=["2026-03-02T09:10:00Z"])]
    site: Annotated[str, Field(examples=["main"])]
    findings: list[FindingReply]
    flags: Annotated[
        list[str],
        Field(
            examples=[["saturated"]],
            description="What is plainly wrong with the film; most often nothing.",
            json_schema_extra={"items": {"type": "string", "enum": list(FLAGS)}},
        ),
    ]
    replayed: bool
    recorded: Annotated[
        Durability, Field(description="Where the answer is kept: `database`; `spool`, on the way there; `no`, where a setting allows that.")
    ] = Durability.DATABASE
    revises: Annotated[
        UUID | None, Field(description="The earlier prediction of the same view of the same study; this one counts in its place.")
    ] = None
    links: Links

    @classmethod
    def of(
        cls,
        prediction: Prediction,
        manifest: Manifest,
        *,
        replayed: bool,
        where: Durability = Durability.DATABASE,
        revises: UUID | None = None,
    ) -> PredictionReply:
        logits = prediction.scores.logits.tolist()
        address = f"/v1/predictions/{prediction.id}"
        return cls(
            id=prediction.id,
            model=manifest.name,
            version=manifest.version,
            received_at=prediction.received_at,
            site=prediction.site,
            findings=[FindingReply.of(finding, logit) for finding, logit in zip(manifest.findings, logits, strict=True)],
            flags=list(prediction.flags),
            replayed=replayed,
            recorded=where,
            revises=revises,
            links=Links(self=address, labels=f"{address}/labels", model=f"/v1/models/{manifest.name}"),
        )


class InstanceReply(BaseModel):
    """What became of one instance of a form: its prediction, or the problem with it."""

    model_config = ConfigDict(frozen=True)

    prediction: PredictionReply | None = None
    problem: Problem | None = None


class FormReply(BaseModel):
    """The instances of a form, in the order in which they were sent."""

    model_config = ConfigDict(frozen=True)

    results: list[InstanceReply]
