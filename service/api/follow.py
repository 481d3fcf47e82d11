"""What a request that is answered later looks like to whoever follows it, and to the webhook that is told of its end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from service.api.problems import EXPLAINED, INTERNAL, Problem, problem
from service.api.replies import PredictionReply
from service.gateway.job import State
from service.gateway.journal import notice_id
from service.store.requests import RequestStatus

EXAMPLE = "019cabe6-6400-7000-8000-000000000001"
DONE, FAILED = "stepwedge.prediction.done", "stepwedge.prediction.failed"


class RequestLinks(BaseModel):
    """Where to go from here; `prediction` is there once there is one."""

    model_config = ConfigDict(frozen=True)

    self: Annotated[str, Field(examples=[f"/v1/requests/{EXAMPLE}"])]
    batch: Annotated[str, Field(examples=[f"/v1/requests?batch={EXAMPLE}"])]
    prediction: Annotated[str | None, Field(examples=["/v1/predictions/019cabe6-6400-7000-8000-000000000000"])] = None


class RequestReply(BaseModel):
    """How far a request is: queued, running, done (with a prediction) or failed (with a problem)."""

    model_config = ConfigDict(frozen=True)

    id: Annotated[UUID, Field(examples=[EXAMPLE])]
    part: Annotated[int, Field(examples=[1], description="Place of its instance in what was sent, from 1.")]
    state: Annotated[State, Field(examples=["done"])]
    model: Annotated[str | None, Field(examples=["chest"], description="Absent until it is known which models take the instance.")] = None
    site: Annotated[str, Field(examples=["main"])]
    priority: Annotated[str, Field(examples=["routine"])]
    received_at: Annotated[datetime, Field(examples=["2026-03-02T09:10:00Z"])]
    ended_at: Annotated[datetime | None, Field(examples=["2026-03-02T09:10:01Z"])] = None
    problem: Problem | None = None
    links: RequestLinks

    @classmethod
    def of(cls, status: RequestStatus) -> RequestReply:
        return cls(
            id=status.id,
            part=status.part,
            state=State(status.state),
            model=status.model,
            site=status.site,
            priority=status.priority,
            received_at=status.received_at,
            ended_at=status.ended_at,
            problem=problem_of(status),
            links=RequestLinks(
                self=f"/v1/requests/{status.id}",
                batch=f"/v1/requests?batch={status.batch}",
                prediction=None if status.prediction is None else f"/v1/predictions/{status.prediction}",
            ),
        )


class RequestsReply(BaseModel):
    """The requests that came together, in the order of their instances."""

    model_config = ConfigDict(frozen=True)

    requests: list[RequestReply]


def problem_of(status: RequestStatus) -> Problem | None:
    """Why there is no answer."""
    if status.reason is None:
        return None
    kind = EXPLAINED[status.reason].kind if status.reason in EXPLAINED else INTERNAL
    return problem(kind, status.detail or kind.title, str(status.id))


def notice_of(status: RequestStatus, prediction: PredictionReply | None) -> str:
    """The message that a request ended, as CloudEvents 1.0 JSON: the prediction as GET gives it, or the problem. No patient data."""
    data = {
        "request": RequestReply.of(status).model_dump(mode="json", exclude_none=True),
        "prediction": None if prediction is None else prediction.model_dump(mode="json"),
    }
    ended = (status.ended_at or status.received_at).astimezone(UTC)
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(notice_id(status.id)),
            "source": f"/v1/requests/{status.id}",
            "type": FAILED if prediction is None else DONE,
            "time": ended.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data,
        },
        allow_nan=False,
    )
