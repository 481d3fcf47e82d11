"""Comparisons: a remedy's challenger beside the champion."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.api.callers import MayRead
from service.api.documents import problems
from service.api.state import Served
from service.errors import NoComparisonError, UnknownRemedyError
from service.store.comparisons import StoredComparison, latest_comparison
from service.store.models import version_by_id
from service.store.remedies import find_remedy

router = APIRouter(tags=["remedies"])

Decided = Annotated[str | None, Field(examples=["not yet"], description="pass, fail or not yet; null: shown and not judged.")]


class CriterionReply(BaseModel):
    """One line of a comparison; service/remedies/comparison.py says what each number is."""

    model_config = ConfigDict(frozen=True)

    measure: Annotated[str, Field(examples=["auroc"])]
    finding: Annotated[str, Field(examples=["opacity"])]
    cell: Annotated[str, Field(examples=["site=south"])]
    decision: Decided
    champion: float | None
    challenger: float | None
    difference: Annotated[float | None, Field(description="Challenger less champion.")]
    low: Annotated[float | None, Field(description="95 % interval, for a single look.")]
    high: float | None
    limit: Annotated[float | None, Field(description="How far the challenger may be off, by the plan.")]
    n: Annotated[int, Field(description="Labelled films.")]
    positives: int
    p: Annotated[float | None, Field(description="Two-sided, of no difference: DeLong, or McNemar's exact test.")]
    more: Annotated[int | None, Field(description="Labelled films after which a decision is expected.")]
    ready_on: Annotated[date | None, Field(description="The day when they are there, at today's rate.")]
    reason: str


class ComparisonReply(BaseModel):
    """Champion and challenger on the same labelled films since the challenger came into the shadow."""

    model_config = ConfigDict(frozen=True)

    model: Annotated[str, Field(examples=["chest"])]
    champion: Annotated[str, Field(examples=["1"])]
    challenger: Annotated[str, Field(examples=["1-retrained-0f3a9c21"])]
    made_at: datetime
    decision: Annotated[str, Field(examples=["not yet"], description="pass, fail or not yet.")]
    summary: str
    cases: Annotated[int, Field(description="Labelled films that both answered.")]
    a_day: float
    more: int | None
    ready_on: date | None
    criteria: list[CriterionReply]
    sources: Annotated[
        dict[str, int],
        Field(description="Films that the challenger saw in the shadow, answered as a canary, or was asked about afterwards (past)."),
    ] = {}


Now = Annotated[bool, Query(description="Compare anew, rather than show what the worker found last.")]


@router.get(
    "/v1/remedies/{remedy}/comparison",
    operation_id="get_comparison",
    summary="A remedy's challenger beside the champion",
    responses=problems(400, 404, 503),
)
async def get_comparison(remedy: UUID, _caller: MayRead, service: Served, *, now: Now = False) -> ComparisonReply:
    """By the criteria of the plan that the remedy ran under, overall and in every declared subgroup; the worker looks every minute."""

    def ask(connection: Connection) -> ComparisonReply:
        found = find_remedy(connection, remedy)
        if found is None:
            raise UnknownRemedyError
        if found.challenger is None:
            raise NoComparisonError
        stored = fresh(connection, found.challenger) if now else latest_comparison(connection, found.challenger)
        if stored is None:
            raise NoComparisonError
        return ComparisonReply(made_at=stored.made_at, **stored.payload)

    return await service.database.run(ask, patience=30.0 if now else 4.0)


def fresh(connection: Connection, challenger: int) -> StoredComparison:
    """Compare now; nothing is stored."""
    from service.remedies.compare import compare  # noqa: PLC0415 - scipy takes a second to import; who asks for it waits

    at = datetime.now(UTC)
    found = compare(connection, version_by_id(connection, challenger), at)
    return StoredComparison(0, challenger, at, found.decision, found.to_json())
