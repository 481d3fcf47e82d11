"""The reading worklist: which films to have read next, and what that buys."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.access import Act, Caller, Deed
from service.api.callers import may
from service.api.documents import problems
from service.api.state import Served
from service.errors import UnknownFindingError, UnwatchedModelError
from service.store.models import champion
from service.worker.subject import subject_of
from service.worker.worklist import Worklist, worklist

router = APIRouter(prefix="/v1/models", tags=["labels"])

PATIENCE_S = 30.0
MOST_READS, MOST_DAYS = 1000, 366
SEEDS = 2**53


class Wanted(BaseModel):
    """How many films are to be read, and from when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: Annotated[int, Field(ge=1, le=MOST_READS, description="Films to read.")] = 50
    days: Annotated[int, Field(ge=1, le=MOST_DAYS, description="From the last so many days.")] = 30
    finding: Annotated[str | None, Field(max_length=64, description="The finding in question; without it all of them.")] = None
    seed: Annotated[
        int | None, Field(ge=0, le=SEEDS, description="What chance is made of. One that was used gives the same films again.")
    ] = None
    until: Annotated[AwareDatetime | None, Field(description="End of the days; without it now.")] = None


class ReadReply(BaseModel):
    """A film to read. Its label goes to `labels` with `"asked": true`, so that it is weighed by one over the probability."""

    model_config = ConfigDict(frozen=True)

    prediction: UUID
    probability: Annotated[float, Field(description="With which it was drawn.", examples=[0.04])]
    reason: Annotated[str, Field(description="What it owes most of that to: floor, doubt or alarm.", examples=["doubt"])]
    labels: Annotated[str, Field(examples=["/v1/predictions/019cabe6-6400-7000-8000-000000000000/labels"])]


class BuysReply(BaseModel):
    """A rate of all films as it is known, and the 95 % interval to be expected once these films are read."""

    model_config = ConfigDict(frozen=True)

    finding: Annotated[str, Field(examples=["opacity"])]
    rate: Annotated[str, Field(examples=["sensitivity"])]
    value: float | None
    low: float | None
    high: float | None
    reason: Annotated[str, Field(description="Why there is no number now.", examples=[""])]
    expected_low: float | None
    expected_high: float | None


class WorklistReply(BaseModel):
    """Films to read. The same seed asks for the same films again."""

    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    seed: int
    frame: Annotated[int, Field(description="Unread films that these were drawn from; 0 where they had been drawn before.")]
    films: list[ReadReply]
    buys: list[BuysReply]

    @classmethod
    def of(cls, model: str, version: str, found: Worklist) -> WorklistReply:
        return cls(
            model=model,
            version=version,
            seed=found.seed,
            frame=found.frame,
            films=[
                ReadReply(
                    prediction=film.prediction,
                    probability=film.probability,
                    reason=film.reason,
                    labels=f"/v1/predictions/{film.prediction}/labels",
                )
                for film in found.films
            ],
            buys=[
                BuysReply(
                    finding=one.finding,
                    rate=one.rate,
                    value=one.value,
                    low=one.interval and one.interval.low,
                    high=one.interval and one.interval.high,
                    reason=one.reason,
                    expected_low=one.expected and one.expected.low,
                    expected_high=one.expected and one.expected.high,
                )
                for one in found.buys
            ],
        )


@router.get("/{model}/worklist", operation_id="get_worklist", summary="Films to read next", responses=problems(400, 403, 404, 409, 503))
async def get_worklist(
    model: str, caller: Annotated[Caller, Depends(may("label", "read"))], service: Served, wanted: Annotated[Wanted, Query()]
) -> WorklistReply:
    """Films that nobody has read: some by chance alone, some where the answer is most in doubt, some behind an open alarm.

    Each call without a seed draws others, and no film is drawn twice, whoever asks. The probabilities are kept, so that what is read stays a
    fair sample of all films; `buys` says how far each rate would then be known.
    """
    until = (wanted.until or datetime.now(UTC)).astimezone(UTC)
    seed = secrets.randbelow(SEEDS) if wanted.seed is None else wanted.seed

    def work(connection: Connection) -> WorklistReply:
        version = champion(connection, model)
        subject = subject_of(connection, version)
        if subject is None:
            raise UnwatchedModelError
        if wanted.finding is not None and wanted.finding not in subject.reference.plan.findings:
            raise UnknownFindingError
        found = worklist(connection, subject, until, days=wanted.days, reads=wanted.n, finding=wanted.finding, seed=seed)
        return WorklistReply.of(version.model, version.version, found)

    reply = await service.database.run(work, patience=PATIENCE_S)
    service.audit.note(Act(datetime.now(UTC), caller.name, Deed.WORKLIST_DRAWN, model, {"films": len(reply.films)}))
    return reply
