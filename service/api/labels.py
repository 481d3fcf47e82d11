"""Labels of one prediction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from service.access import Act, Deed
from service.api.bodies import read_json
from service.api.callers import MayLabel
from service.api.documents import problems
from service.api.intake import Clock, received_at
from service.api.state import Served
from service.api.statements import Word
from service.gateway.label import Subject, state

router = APIRouter(prefix="/v1", tags=["labels"])

MOST_WORDS = 1000
Words = Annotated[list[Word], Field(min_length=1, max_length=MOST_WORDS)]
WORDS: TypeAdapter[list[Word]] = TypeAdapter(Words)
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "array", "minItems": 1, "maxItems": MOST_WORDS, "items": Word.model_json_schema()},
                "example": [
                    {"finding": "opacity", "value": 1, "source": "report", "reader": "reader-17", "made_at": "2026-03-02T15:30:00Z"}
                ],
            }
        },
    }
}


class LabelsReply(BaseModel):
    """How many of the statements were new; one that was sent before is not stored twice."""

    model_config = ConfigDict(frozen=True)

    prediction: UUID
    received: Annotated[int, Field(examples=[1])]
    added: Annotated[int, Field(examples=[1])]


@router.put(
    "/predictions/{prediction}/labels",
    operation_id="put_labels",
    summary="State what a film shows",
    responses=problems(400, 403, 404, 408, 413, 415, 429, 503),
    openapi_extra=BODY,
)
async def put_labels(prediction: UUID, request: Request, caller: MayLabel, service: Served, clock: Clock = None) -> LabelsReply:
    """Add statements on findings of one prediction. Nothing is overwritten: of each finding the latest statement counts."""
    now = received_at(clock, service.settings, caller, datetime.now(UTC))
    with service.admission.seat():
        words = await read_json(request, WORDS)
    subject = Subject(prediction=prediction)
    statements = [word.statement(service.key, subject) for word in words]
    stated = await service.database.run(lambda connection: state(connection, service.versions, statements, now, whole=True))
    service.audit.note(Act(datetime.now(UTC), caller.name, Deed.LABELS_STATED, str(prediction)))
    return LabelsReply(prediction=prediction, received=len(words), added=stated.added)
