"""Erasures: a study, a patient or an accession out of the record, by pseudonym."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from service.api.bodies import read_json
from service.api.callers import MayOperate
from service.api.documents import problems
from service.api.state import Served
from service.store.erase import Named, erase

router = APIRouter(prefix="/v1", tags=["privacy"])
PATIENCE_S = 60.0


class Erasure(BaseModel):
    """Whom or what to erase. The pseudonym is what `stepwedge erase --look` shows; an identifier itself never travels here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: Annotated[Named, Field(examples=["study"])]
    pseudonym: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", examples=["0264f9be5b6cb778e7f9c9cbeabfa449"])]


ERASURE: TypeAdapter[Erasure] = TypeAdapter(Erasure)
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "what": {"enum": [what.value for what in Named]},
                        "pseudonym": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                    },
                    "required": ["what", "pseudonym"],
                    "additionalProperties": False,
                },
                "example": {"what": "study", "pseudonym": "0264f9be5b6cb778e7f9c9cbeabfa449"},
            }
        },
    }
}


class ErasureReply(BaseModel):
    """Rows that went, by table."""

    model_config = ConfigDict(frozen=True)

    what: Named
    rows: Annotated[Mapping[str, int], Field(examples=[{"predictions": 2, "submissions": 2}])]


@router.post(
    "/erasures",
    operation_id="erase",
    summary="Erase a study or a patient",
    responses=problems(400, 408, 413, 415, 429, 503),
    openapi_extra=BODY,
)
async def create_erasure(request: Request, caller: MayOperate, service: Served) -> ErasureReply:
    """Remove every row about it. Sums that were made stay; the audit log keeps that it was done, not to whom. Safe to repeat.

    A film that waits on a gateway's own disk, not answered or not recorded yet, leaves no row when its turn comes. A film that is being
    answered at this very moment may be recorded after this: repeat it a minute later to be sure.
    """
    with service.admission.seat():
        erasure = await read_json(request, ERASURE)
    code = bytes.fromhex(erasure.pseudonym)
    now = datetime.now(UTC)
    erased = await service.database.run(
        lambda connection: erase(connection, erasure.what, code, at=now, actor=caller.name), patience=PATIENCE_S
    )
    return ErasureReply(what=erasure.what, rows=erased.rows)
