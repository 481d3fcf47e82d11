"""Alerts: what Alertmanager and Grafana send back, so that who was told, and when, stands beside the alarm."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from service.api.bodies import read_json
from service.api.callers import MayOperate, MayRead
from service.api.documents import problems
from service.api.state import Served
from service.api.statements import EARLIEST, LATEST
from service.domain import Alert
from service.store.alerts import alerts_of, note_alerts
from service.store.documents import spelled

router = APIRouter(prefix="/v1/alerts", tags=["monitoring"])

KEPT = ("alertname", "severity", "model", "version", "kind", "family", "subgroup", "finding", "feature", "site", "series")
"""Labels that our own rules write. Others may carry anything, and are not kept."""
LONGEST_VALUE = 200
MOST_ALERTS, MOST_LABELS = 1000, 64
LARGEST_PAGE = 1000


class AlertSent(BaseModel):
    """One alert of a group, as Alertmanager and Grafana both write it."""

    model_config = ConfigDict(frozen=True)

    status: Literal["firing", "resolved"]
    labels: Annotated[Mapping[str, str], Field(max_length=MOST_LABELS)]
    startsAt: Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST)]  # noqa: N815 - the name that they gave it
    endsAt: Annotated[AwareDatetime, Field(le=LATEST)] | None = None  # noqa: N815 - the name that they gave it
    fingerprint: Annotated[str | None, Field(pattern=r"^[0-9a-fA-F]{1,64}$")] = None

    def alert(self, now: datetime) -> Alert:
        """As it is kept. While it fires its end is a forecast or the year 1, and says nothing; a resolved one that names no end has ended now."""
        ended = self.endsAt if self.endsAt is not None and self.endsAt > self.startsAt else now
        return Alert(
            fingerprint=(self.fingerprint or fingerprint_of(self.labels)).lower(),
            starts_at=self.startsAt.astimezone(UTC),
            ends_at=ended.astimezone(UTC) if self.status == "resolved" else None,
            labels={name: spelled(self.labels[name])[:LONGEST_VALUE] for name in KEPT if self.labels.get(name)},
        )


class GroupSent(BaseModel):
    """A webhook's body: Alertmanager's version 4, or Grafana's, which adds fields to it. What is not listed is not looked at."""

    model_config = ConfigDict(frozen=True)

    alerts: Annotated[list[AlertSent], Field(max_length=MOST_ALERTS)]


class GroupReply(BaseModel):
    """How many alerts came, how many of them were not known before, and how many speak of an alarm of a model."""

    model_config = ConfigDict(frozen=True)

    received: Annotated[int, Field(examples=[1])]
    new: Annotated[int, Field(examples=[1])]
    linked: Annotated[int, Field(examples=[1])]


class AlertReply(BaseModel):
    """An alert that came; without `ends_at` it fires."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    fingerprint: Annotated[str, Field(examples=["d72d6a2cd1f0bd3f"])]
    starts_at: datetime
    ends_at: datetime | None
    labels: Mapping[str, str]
    alarm: Annotated[UUID | None, Field(description="The alarm of the model that it speaks of.")]


GROUP: TypeAdapter[GroupSent] = TypeAdapter(GroupSent)
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["alerts"],
                    "properties": {
                        "alerts": {
                            "type": "array",
                            "maxItems": MOST_ALERTS,
                            "items": {
                                "type": "object",
                                "required": ["status", "labels", "startsAt"],
                                "properties": {
                                    "status": {"enum": ["firing", "resolved"]},
                                    "labels": {"type": "object", "maxProperties": MOST_LABELS, "additionalProperties": {"type": "string"}},
                                    "startsAt": {"type": "string", "format": "date-time"},
                                    "endsAt": {"type": ["string", "null"], "format": "date-time"},
                                    "fingerprint": {"type": ["string", "null"], "pattern": "^[0-9a-fA-F]{1,64}$"},
                                },
                            },
                        }
                    },
                },
                "example": {
                    "version": "4",
                    "status": "firing",
                    "alerts": [
                        {
                            "status": "firing",
                            "labels": {"alertname": "StepwedgeModelAlarm", "model": "chest", "version": "1", "family": "inputs"},
                            "startsAt": "2026-03-02T15:30:00Z",
                            "fingerprint": "d72d6a2cd1f0bd3f",
                        }
                    ],
                },
            }
        },
    }
}


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """A name for an alert that came without one: the same labels, the same alert."""
    return hashlib.sha256(json.dumps(sorted(labels.items())).encode(errors="surrogateescape")).hexdigest()[:16]


@router.post(
    "", operation_id="receive_alerts", summary="Receive alerts", responses=problems(400, 408, 413, 415, 429, 503), openapi_extra=BODY
)
async def receive_alerts(request: Request, _caller: MayOperate, service: Served) -> GroupReply:
    """The webhook of Alertmanager (version 4) and Grafana. An alert that is sent again, as they do for as long as it fires, is counted once."""
    now = datetime.now(UTC)
    with service.admission.seat():
        group = await read_json(request, GROUP)
    batch = [sent.alert(now) for sent in group.alerts]
    noted = await service.database.run(lambda connection: note_alerts(connection, batch, now))
    return GroupReply(received=len(batch), new=noted.new, linked=noted.linked)


Model = Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Only alerts of this model.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="How many at the most.")]


@router.get("", operation_id="list_alerts", summary="Alerts that came", responses=problems(400, 503))
async def list_alerts(_caller: MayRead, service: Served, model: Model = None, limit: Limit = 100) -> list[AlertReply]:
    """What was received, latest first."""
    found = await service.database.run(lambda connection: alerts_of(connection, model, limit))
    return [AlertReply.model_validate(one) for one in found]
