"""Labels of one prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import Connection

from service.access import Act, Deed
from service.api.bodies import read_json
from service.api.callers import MayLabel, MayRead
from service.api.documents import problems
from service.api.intake import Clock, received_at
from service.api.state import Served
from service.api.statements import Word
from service.domain import Assessment, Tier
from service.gateway.label import refusal
from service.store.labels import labels_of
from service.store.predictions import find_prediction
from service.store.statements import Stated, Statement, Subject, state

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
                    {
                        "finding": "opacity",
                        "value": 1,
                        "source": "report",
                        "tier": "read",
                        "reader": "reader-17",
                        "made_at": "2026-03-02T15:30:00Z",
                    }
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
    stated = await service.database.run(lambda connection: put(connection, statements, now))
    service.audit.note(Act(datetime.now(UTC), caller.name, Deed.LABELS_STATED, str(prediction)))
    return LabelsReply(prediction=prediction, received=len(words), added=stated.added)


class LabelReply(BaseModel):
    """One statement as it is kept. The reader is a pseudonym; a value that is null says that the reader was not certain."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    finding: Annotated[str, Field(examples=["opacity"])]
    value: Annotated[float | None, Field(examples=[1.0])]
    source: Annotated[str, Field(examples=["report"])]
    tier: Tier
    assessment: Assessment | None
    reader: Annotated[str | None, Field(examples=["9f86d081884c7d65"])]
    asked: bool
    supersedes: UUID | None
    made_at: datetime
    received_at: datetime


@router.get(
    "/predictions/{prediction}/labels",
    operation_id="list_labels",
    summary="What was stated about a film",
    responses=problems(403, 404, 503),
)
async def list_labels(prediction: UUID, _caller: MayRead, service: Served) -> list[LabelReply]:
    """Every statement, corrected ones too, earliest made first."""

    def ask(connection: Connection) -> list[LabelReply]:
        found = labels_of(connection, find_prediction(connection, prediction).id)
        return [
            LabelReply(id=identifier, **{**asdict(label), "reader": label.reader.hex() if label.reader else None})
            for identifier, label in found
        ]

    return await service.database.run(ask)


def put(connection: Connection, statements: Sequence[Statement], now: datetime) -> Stated:
    """Store all of them or none.

    Raises:
        UnknownPredictionError, UnknownFindingError: One of them is about no film, or about a finding that its model does not have.
    """
    stated = state(connection, statements, now)
    for error in filter(None, map(refusal, stated.fates)):
        raise error
    return stated
