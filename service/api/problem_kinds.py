"""What a problem's type means: the addresses that problems point to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from service.api.documents import problems
from service.api.problems import EXPLAINED, Explained

router = APIRouter(prefix="/problems", tags=["operations"])


class KindReply(BaseModel):
    """One kind of problem."""

    model_config = ConfigDict(frozen=True)

    type: Annotated[str, Field(examples=["/problems/undecodable"])]
    status: Annotated[int, Field(examples=[400])]
    title: Annotated[str, Field(examples=["Not a readable DICOM film"])]
    meaning: Annotated[str, Field(examples=["The body is not a DICOM film that can be read."])]

    @classmethod
    def of(cls, explained: Explained) -> KindReply:
        kind = explained.kind
        return cls(type=f"/problems/{kind.slug}", status=kind.status, title=kind.title, meaning=explained.meaning)


@router.get("", operation_id="list_problems", summary="Every kind of problem")
async def list_problems() -> list[KindReply]:
    """Every kind of problem that this API answers with."""
    return [KindReply.of(explained) for explained in EXPLAINED.values()]


@router.get("/{slug}", operation_id="get_problem", summary="One kind of problem", responses=problems(404))
async def get_problem(slug: str) -> KindReply:
    """What a problem's `type` means."""
    if slug not in EXPLAINED:
        raise HTTPException(404)
    return KindReply.of(EXPLAINED[slug])
