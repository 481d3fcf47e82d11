"""Labels from a hospital's own systems: FHIR R4 resources."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.access import Act, Deed
from service.api.bodies import JSON, read_json
from service.api.callers import MayLabel
from service.api.documents import problems
from service.api.fhir import RESOURCE, Observation, concepts_of, observations, statement_of
from service.api.intake import Clock, received_at
from service.api.label_stream import LineProblem
from service.api.label_upload import UploadReply
from service.api.problems import kind_of
from service.api.state import Served
from service.domain import Tier
from service.errors import LabelError, StepwedgeError
from service.gateway.label import refusal
from service.models.manifest import parse_manifest
from service.store.models import champions
from service.store.statements import Fate, Statement, state

router = APIRouter(prefix="/v1/labels", tags=["labels"])

FHIR = "application/fhir+json"
EXAMPLE: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "opacity"},
    "identifier": [{"type": {"coding": [{"code": "ACSN"}]}, "value": "A-1017"}],
    "issued": "2026-03-02T15:30:00Z",
    "valueBoolean": True,
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An Observation, a DiagnosticReport with contained observations, or a Bundle of these.",
        "content": {kind: {"schema": {"type": "object"}, "example": EXAMPLE} for kind in (FHIR, JSON)},
    }
}


class Meant(BaseModel):
    """How the resources are to be taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: Annotated[
        Tier | None, Field(description="How these statements came about; without it read where a performer is named, else report.")
    ] = None
    model: Annotated[str | None, Field(max_length=64, description="Only predictions of this model.")] = None


@router.post(
    "/fhir",
    operation_id="upload_fhir",
    summary="State what films show, in FHIR R4",
    response_model=UploadReply,
    responses={
        207: {"model": UploadReply, "description": "Some observations were refused; each says why. The others are stored."},
        **problems(400, 403, 408, 413, 415, 429, 503),
    },
    openapi_extra=BODY,
)
async def upload_fhir(
    request: Request, caller: MayLabel, service: Served, meant: Annotated[Meant, Query()], clock: Clock = None
) -> Response:
    """Each observation is one statement, about an accession, a study or an instance; `line` counts observations.

    A film that is not here yet is waited for. Findings are known by the concepts of their models' manifests, or by name.
    """
    now = received_at(clock, service.settings, caller, datetime.now(UTC))
    with service.admission.seat():
        resource = await read_json(request, RESOURCE, (FHIR, JSON))
    found = list(observations(resource))

    def work(connection: Connection) -> UploadReply:
        concepts = concepts_of(parse_manifest(version.manifest) for version in champions(connection))
        errors: dict[int, StepwedgeError] = {}
        statements: dict[int, Statement] = {}
        for number, (one, report) in enumerate(found, start=1):
            try:
                if not isinstance(one, Observation):
                    raise one
                statements[number] = statement_of(one, report, service.key, concepts, tier=meant.tier, model=meant.model)
            except LabelError as error:
                errors[number] = error
        stated = state(connection, list(statements.values()), now)
        errors |= {
            number: kept_out for number, fate in zip(statements, stated.fates, strict=True) if (kept_out := refusal(fate)) is not None
        }
        return UploadReply(
            received=len(found),
            accepted=len(found) - len(errors),
            refused=len(errors),
            waiting=sum(fate is Fate.WAITING for fate in stated.fates),
            added=stated.added,
            errors=[
                LineProblem(line=number, type=f"/problems/{kind_of(error).slug}", detail=str(error))
                for number, error in sorted(errors.items())
            ],
        )

    reply = await service.database.run(work)
    counts = {"received": reply.received, "accepted": reply.accepted, "refused": reply.refused, "added": reply.added}
    service.audit.note(Act(datetime.now(UTC), caller.name, Deed.LABELS_IMPORTED, "", counts))
    return Response(reply.model_dump_json(exclude_none=True), status_code=207 if reply.refused else 200, media_type="application/json")
