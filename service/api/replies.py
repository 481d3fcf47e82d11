"""What a prediction looks like to the caller."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from service.api.problems import Problem
from service.domain import Durability, Prediction
from service.models.features import FLAGS
from service.models.interpretation import Interpreted, interpret
from service.models.manifest import Manifest

SERVICE = version("stepwedge")
SHORT = 12


class FindingReply(BaseModel):
    """One finding: its score, the operating point, and on which side of it the film lies."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(examples=["opacity"])]
    logit: Annotated[float, Field(examples=[1.25])]
    probability: Annotated[float, Field(examples=[0.777], ge=0, le=1, description="As the model gives it.")]
    calibrated_probability: Annotated[
        float | None,
        Field(
            examples=[0.31],
            ge=0,
            le=1,
            description="After the calibration that the model version declares for the finding; null where it declares none.",
        ),
    ] = None
    threshold: Annotated[float, Field(examples=[0.5], description="Operating point, as a probability before calibration.")]
    positive: Annotated[bool, Field(description="The decision: the probability lies at the operating point or above.")]

    @classmethod
    def of(cls, said: Interpreted) -> FindingReply:
        return cls(
            name=said.finding.name,
            logit=said.logit,
            probability=said.probability,
            calibrated_probability=said.calibrated_probability,
            threshold=said.finding.threshold,
            positive=said.positive,
        )


class Versions(BaseModel):
    """What made the answer, and what tells of it."""

    model_config = ConfigDict(frozen=True)

    model: Annotated[str, Field(examples=["1"])]
    artifact: Annotated[str, Field(examples=["371ea11f4aec"], description="First 12 digits of the SHA-256 of the model's weights.")]
    service: Annotated[str, Field(examples=[SERVICE], description="The Stepwedge that sends this reply.")]


class Links(BaseModel):
    """Where to go from here."""

    model_config = ConfigDict(frozen=True)

    self: Annotated[str, Field(examples=["/v1/predictions/019cabe6-6400-7000-8000-000000000000"])]
    labels: Annotated[str, Field(examples=["/v1/predictions/019cabe6-6400-7000-8000-000000000000/labels"])]
    model: Annotated[str, Field(examples=["/v1/models/chest"])]
    report: Annotated[
        str,
        Field(
            examples=["/v1/predictions/019cabe6-6400-7000-8000-000000000000/sr"],
            description="The answer as a DICOM structured report, where and while there is one.",
        ),
    ]


class PredictionReply(BaseModel):
    """The recorded answer to one film. `replayed`: the same film came before, and this is the answer that it got then."""

    model_config = ConfigDict(frozen=True)

    id: Annotated[UUID, Field(examples=["019cabe6-6400-7000-8000-000000000000"])]
    model: Annotated[str, Field(examples=["chest"])]
    version: Annotated[str, Field(examples=["1"])]
    versions: Versions
    received_at: Annotated[datetime, Field(examples=["2026-03-02T09:10:00Z"])]
    duration_ms: Annotated[float, Field(examples=[12.5], ge=0, description="From the film's arrival to its scores, in milliseconds.")]
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
    ood_distance: Annotated[
        float | None,
        Field(
            examples=[0.4],
            description="How far the film lies from those of the reference: 1 is further out than nine in ten of them, 3 than 999 in a thousand; "
            "null without an embedding or a reference.",
        ),
    ] = None
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
        address = f"/v1/predictions/{prediction.id}"
        return cls(
            id=prediction.id,
            model=manifest.name,
            version=manifest.version,
            versions=Versions(model=manifest.version, artifact=manifest.artifact.sha256[:SHORT], service=SERVICE),
            received_at=prediction.received_at,
            duration_ms=round(prediction.duration_ms, 1),
            site=prediction.site,
            findings=[FindingReply.of(said) for said in interpret(manifest, prediction.scores.logits.tolist())],
            flags=list(prediction.flags),
            ood_distance=prediction.ood_distance,
            replayed=replayed,
            recorded=where,
            revises=revises,
            links=Links(self=address, labels=f"{address}/labels", model=f"/v1/models/{manifest.name}", report=f"{address}/sr"),
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
