"""Liveness without any I/O; readiness with each dependency by name."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from service.api.documents import problems
from service.api.state import Served
from service.gateway.readiness import Check, can_answer, readiness

router = APIRouter(tags=["operations"])


class Live(BaseModel):
    """The process runs its event loop."""

    model_config = ConfigDict(frozen=True)

    status: Annotated[str, Field(examples=["ok"])] = "ok"


class CheckReply(BaseModel):
    """How one dependency is."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    ok: bool
    detail: Annotated[str, Field(examples=["answers"])]


class Ready(BaseModel):
    """How each dependency is. `degraded`: one of them fails, and films are answered all the same."""

    model_config = ConfigDict(frozen=True)

    status: Annotated[str, Field(examples=["ok", "degraded", "unavailable"])]
    checks: Annotated[dict[str, CheckReply], Field(examples=[{"postgres": {"ok": True, "detail": "answers"}}])]

    @classmethod
    def of(cls, checks: dict[str, Check]) -> Ready:
        status = "ok" if all(check.ok for check in checks.values()) else "degraded"
        replies = {name: CheckReply.model_validate(check) for name, check in checks.items()}
        return cls(status=status if can_answer(checks) else "unavailable", checks=replies)


@router.get("/livez", operation_id="live", summary="Is the process alive?")
async def live() -> Live:
    """Always 200 while the process runs; asks nobody."""
    return Live()


Exclude = Annotated[
    Literal["postgres"] | None,
    Query(description="`postgres`: 200 while the spool takes what Postgres does not. What a load balancer asks, or films meet nobody."),
]


@router.get(
    "/readyz",
    operation_id="ready",
    summary="Is all there?",
    responses={**problems(400), 503: {"model": Ready, "description": "A dependency is missing."}},
)
async def ready(service: Served, response: Response, exclude: Exclude = None) -> Ready:
    """Each dependency by name; 503 if Postgres is away or no film would get an answer. Answers within two seconds whatever their state."""
    checks = await readiness(service.database, service.fleet, service.gateway.capture, service.last_known)
    whole = can_answer(checks) and (checks["postgres"].ok or exclude == "postgres")
    response.status_code = 200 if whole else 503
    return Ready.of(checks)
