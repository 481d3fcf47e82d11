"""Challengers come, are promoted, and are taken back: one call each."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.api.callers import MayOperate, MayRead
from service.api.documents import problems
from service.api.remedies import Reason, RemedyDetail
from service.api.state import Served
from service.errors import InvalidRequestError, PackageError
from service.remedies.callback import bring_from
from service.remedies.promote import promote_challenger, take_back
from service.store.engine import open_engine
from service.store.models import champion, versions
from service.store.promotions import promotions_of
from service.store.remedies import Remedy

router = APIRouter(tags=["remedies"])
NOBODY = UUID(int=0)


class Brought(BaseModel):
    """Where the package of a challenger lies: a folder below the object folder, with model.toml and the artifact that this names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: Annotated[str, Field(min_length=1, max_length=256, examples=["retrained/0f3a9c21"])]


class Promoting(Reason):
    """Why; and whether although the comparison has not passed."""

    force: bool = False


class PromotionReply(BaseModel):
    """From `at` on this version answered."""

    model_config = ConfigDict(frozen=True)

    version: Annotated[str, Field(examples=["2"])]
    former: Annotated[str | None, Field(examples=["1"])]
    deed: Annotated[str, Field(examples=["promoted"])]
    at: datetime
    actor: str
    reason: str
    remedy: UUID | None


@router.post(
    "/v1/remedies/{remedy}/challenger",
    operation_id="bring_challenger",
    summary="Answer of whoever retrained",
    responses=problems(400, 403, 404, 409, 503),
)
async def bring_challenger(remedy: UUID, brought: Brought, caller: MayOperate, service: Served) -> RemedyDetail:
    """The package is checked, registered, and predicts in the champion's shadow. The same again changes nothing; after the end of a remedy it is refused."""
    settings, at = service.settings, datetime.now(UTC)

    def work() -> Remedy:
        engine = open_engine(str(settings.database_url))
        try:
            return bring_from(engine, settings.object_folder, remedy, brought.package, at=at, actor=caller.name)
        finally:
            engine.dispose()

    try:
        found = await asyncio.to_thread(work)
    except PackageError as error:
        raise InvalidRequestError(str(error)) from None
    return await service.database.run(lambda connection: RemedyDetail.of(connection, found))


@router.post(
    "/v1/remedies/{remedy}/promote",
    operation_id="promote_challenger",
    summary="Promote the challenger",
    responses=problems(400, 403, 404, 409, 503),
)
async def promote(remedy: UUID, body: Promoting, caller: MayOperate, service: Served) -> RemedyDetail:
    """Every gateway answers by it within seconds, and no request fails meanwhile. 409 unless its comparison passed, or it is forced."""
    decision = body.decision(remedy, caller)

    def act(connection: Connection) -> RemedyDetail:
        return RemedyDetail.of(connection, promote_challenger(connection, decision, force=body.force))

    return await service.database.run(act)


@router.post(
    "/v1/models/{model}/roll-back",
    operation_id="roll_back",
    summary="Back to the former version",
    responses=problems(400, 403, 404, 409, 503),
)
async def roll_back(model: str, reason: Reason, caller: MayOperate, service: Served) -> list[PromotionReply]:
    """The version answers again that the champion took the place of, from within seconds on. 409 where there is none."""
    step = reason.step(NOBODY, caller, "rolled_back")

    def act(connection: Connection) -> list[PromotionReply]:
        take_back(connection, model, step)
        return history(connection, model)

    return await service.database.run(act)


@router.get(
    "/v1/models/{model}/promotions", operation_id="list_promotions", summary="Which version answered when", responses=problems(404, 503)
)
async def list_promotions(model: str, _caller: MayRead, service: Served) -> list[PromotionReply]:
    """How each version of a model came to answer, latest first."""

    def ask(connection: Connection) -> list[PromotionReply]:
        champion(connection, model)
        return history(connection, model)

    return await service.database.run(ask)


def history(connection: Connection, model: str) -> list[PromotionReply]:
    """The promotions of a model with the names of its versions."""
    names = {one.id: one.version for one in versions(connection, model)}
    return [
        PromotionReply(
            version=names[one.version],
            former=None if one.former is None else names[one.former],
            deed=one.deed,
            at=one.at,
            actor=one.actor,
            reason=one.reason,
            remedy=one.remedy,
        )
        for one in promotions_of(connection, model)
    ]
