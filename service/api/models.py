"""Models: what is in service, and what each of them promises."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.domain import ModelVersion
from service.models.manifest import Accepts, Finding, Manifest, Monitoring, parse_manifest
from service.store.models import champion, champions, versions

router = APIRouter(prefix="/v1/models", tags=["models"])


class ModelLinks(BaseModel):
    """Where to go from here."""

    model_config = ConfigDict(frozen=True)

    self: Annotated[str, Field(examples=["/v1/models/chest"])]
    predictions: Annotated[str, Field(examples=["/v1/models/chest/predictions"])]
    alarms: Annotated[str, Field(examples=["/v1/models/chest/alarms"])]
    curves: Annotated[str, Field(examples=["/v1/models/chest/curves"])]
    devices: Annotated[str, Field(examples=["/v1/models/chest/devices"])]
    measurements: Annotated[str, Field(examples=["/v1/models/chest/measurements"])]
    remedies: Annotated[str, Field(examples=["/v1/models/chest/remedies"])]
    subgroups: Annotated[str, Field(examples=["/v1/models/chest/subgroups"])]
    thresholds: Annotated[str, Field(examples=["/v1/models/chest/thresholds"])]
    worklist: Annotated[str, Field(examples=["/v1/models/chest/worklist"])]

    @classmethod
    def of(cls, model: str) -> ModelLinks:
        own = f"/v1/models/{model}"
        below = {
            name: f"{own}/{name}"
            for name in ("predictions", "alarms", "curves", "devices", "measurements", "remedies", "subgroups", "thresholds", "worklist")
        }
        return cls(self=own, **below)


class ModelReply(BaseModel):
    """The version of a model that answers. `loaded`: this process has it in memory."""

    model_config = ConfigDict(frozen=True)

    model: Annotated[str, Field(examples=["chest"])]
    version: Annotated[str, Field(examples=["1"])]
    description: str
    findings: Annotated[list[str], Field(examples=[["opacity"]])]
    registered_at: datetime
    loaded: bool
    links: ModelLinks


class VersionReply(BaseModel):
    """One version of a model."""

    model_config = ConfigDict(frozen=True)

    version: Annotated[str, Field(examples=["1"])]
    state: Annotated[str, Field(examples=["champion"])]
    registered_at: datetime
    artifact_sha256: str


class ModelDetail(ModelReply):
    """A model in full: operating points and costs, what it accepts, how it is watched, and all its versions, newest first."""

    operating_points: list[Finding]
    accepts: Accepts
    monitoring: Monitoring
    versions: list[VersionReply]


def summary(version: ModelVersion, manifest: Manifest, *, loaded: bool) -> ModelReply:
    return ModelReply(
        model=version.model,
        version=version.version,
        description=manifest.description,
        findings=list(manifest.finding_names),
        registered_at=version.registered_at,
        loaded=loaded,
        links=ModelLinks.of(version.model),
    )


@router.get("", operation_id="list_models", summary="Models in service", responses=problems(503))
async def list_models(_caller: MayRead, service: Served) -> list[ModelReply]:
    """The version of each model that answers, by name."""
    found = await service.database.run(lambda connection: list(champions(connection)))
    return [summary(version, parse_manifest(version.manifest), loaded=service.fleet.has(version)) for version in found]


@router.get("/{model}", operation_id="get_model", summary="One model", responses=problems(404, 503))
async def get_model(model: str, _caller: MayRead, service: Served) -> ModelDetail:
    """The version that answers, with its manifest, and the history of its versions."""

    def ask(connection: Connection) -> tuple[ModelVersion, list[ModelVersion]]:
        return champion(connection, model), versions(connection, model)

    current, history = await service.database.run(ask)
    manifest = parse_manifest(current.manifest)
    return ModelDetail(
        **dict(summary(current, manifest, loaded=service.fleet.has(current))),
        operating_points=list(manifest.findings),
        accepts=manifest.accepts,
        monitoring=manifest.monitoring,
        versions=[VersionReply.model_validate(each, from_attributes=True) for each in history],
    )
