"""Predictions: ask for one, or look one up again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection

from service.api.accounting import Account
from service.api.callers import MayPredict, MayRead, may_predict
from service.api.documents import FILMS, problems
from service.api.envelope import request_id_of
from service.api.follow import RequestReply, RequestsReply
from service.api.intake import (
    RESPOND_ASYNC,
    Asked,
    asked,
    bringing,
    instance_of,
    names_stat,
    priority_of,
    read_instances,
    said_in,
    submission_of,
)
from service.api.later import postpone, prefers_later
from service.api.multipart import Part
from service.api.negotiation import JSON
from service.api.problems import INTERNAL, detail_of, problem
from service.api.replies import FormReply, InstanceReply, PredictionReply
from service.api.reports import AS_DICOM, VARY, Form, report_as
from service.api.state import Served, Service, service_of
from service.api.trace import frames
from service.domain import Durability, Prediction, Submission
from service.errors import UnavailableError, UnknownPredictionError
from service.gateway.journal import status_of
from service.gateway.path import Answer
from service.models.manifest import Manifest
from service.store.predictions import find_prediction, former_of

log = structlog.get_logger()

router = APIRouter(prefix="/v1", tags=["predictions"])


@router.post(
    "/models/{model}/predictions",
    operation_id="create_prediction",
    summary="Answer DICOM instances",
    response_model=PredictionReply | FormReply,
    responses={
        202: {"model": RequestReply | RequestsReply, "description": "Taken in, to be answered later; Location says where to follow it."},
        207: {"model": FormReply, "description": "A form of which some instances got no answer; each says why."},
        **problems(400, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503),
    },
    openapi_extra=FILMS,
)
async def create_prediction(
    model: str, request: Request, caller: MayPredict, service: Served, said: Annotated[Asked, Depends(asked)]
) -> Response:
    """Answer one film, or several in a form; each answer is durable before it is sent. With `Prefer: respond-async` it comes later."""
    now = datetime.now(UTC)
    with Account.open(service, model, now, caller.name) as account, service.admission.seat(urgent=names_stat(said)) as seat:
        submission = submission_of(said, model, service.settings, caller, now, secret=service.gateway.key)
        account.site = submission.site
        later = prefers_later(said.prefer)
        (service.fleet.expect if later else service.fleet.find)(model)
        try:
            parts = await read_instances(request, seat)
        finally:
            account.input_bytes = seat.bytes_read
        if later:
            return await answer_later(service, account, submission, parts, said)
        if len(parts) > 1:
            return await answer_form(service, account, submission, parts, request_id_of(request.scope))
        answer = await service.gateway.predict(bringing(submission, instance_of(parts[0])))
        account.answered(answer)
        return reply(answer)


async def create_prediction_at_once(request: Request) -> Response:
    """The same, called without FastAPI; see direct.py."""
    service = await service_of(request)
    caller = await may_predict(request, service)
    return await create_prediction(request.path_params["model"], request, caller, service, said_in(request.headers))


def reply(answer: Answer) -> Response:
    return Response(spoken(answer).model_dump_json(), media_type="application/json")


def spoken(answer: Answer) -> PredictionReply:
    return PredictionReply.of(answer.prediction, answer.manifest, replayed=answer.replayed, where=answer.where, revises=answer.revises)


async def answer_form(service: Service, first: Account, submission: Submission, parts: Sequence[Part], request_id: str) -> Response:
    """Answer each instance for itself: one that is refused does not hide the others. Each is an entry of its own in the ledger."""
    others = [Account.open(service, submission.model, submission.received_at, submission.caller) for _ in parts[1:]]
    accounts = [first, *others]
    results = await asyncio.gather(
        *(
            answer_part(service, account, replace(submission, idempotency_key=key), part, request_id)
            for account, part, key in zip(accounts, parts, part_keys(submission.idempotency_key, len(parts)), strict=True)
        )
    )
    status = 200 if all(result.problem is None for result in results) else 207
    return Response(FormReply(results=results).model_dump_json(exclude_none=True), status_code=status, media_type="application/json")


async def answer_later(service: Service, first: Account, submission: Submission, parts: Sequence[Part], said: Asked) -> Response:
    """Take the instances in, and say where to follow them. Each is an entry of its own in the ledger."""
    urgency = priority_of(said.urgency)
    keys = part_keys(submission.idempotency_key, len(parts)) if len(parts) > 1 else [submission.idempotency_key]
    keyed = [replace(submission, body=instance_of(part), idempotency_key=key) for part, key in zip(parts, keys, strict=True)]
    others = [Account.open(service, submission.model, submission.received_at, submission.caller) for _ in parts[1:]]
    try:
        jobs = await postpone(service, keyed, [first, *others], urgency)
    except BaseException as error:
        for account in others:
            account.unanswered(error)
        raise
    replies = [RequestReply.of(status_of(job)) for job in jobs]
    single = len(replies) == 1
    return Response(
        (replies[0] if single else RequestsReply(requests=replies)).model_dump_json(exclude_none=True),
        status_code=202,
        media_type="application/json",
        headers={"Location": replies[0].links.self if single else replies[0].links.batch, "Preference-Applied": RESPOND_ASYNC},
    )


def part_keys(key: str | None, parts: int) -> list[str | None]:
    """A key of the whole form, made into one for each of its instances by their order."""
    return [None if key is None else f"{key}/{part}" for part in range(parts)]


async def answer_part(service: Service, account: Account, submission: Submission, part: Part, request_id: str) -> InstanceReply:
    account.site, account.input_bytes = submission.site, len(part.body)
    try:
        answer = await service.gateway.predict(replace(submission, body=instance_of(part)))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this instance's own problem
        kind = account.unanswered(error)
        if kind is INTERNAL:
            log.error("unexpected_error", kind=type(error).__name__, frames=frames(error))  # noqa: TRY400 - a message may quote a tag
        return InstanceReply(problem=problem(kind, detail_of(error, kind), request_id))
    except BaseException as error:
        account.unanswered(error)
        raise
    account.answered(answer)
    return InstanceReply(prediction=spoken(answer))


@router.get(
    "/predictions/{prediction}",
    operation_id="get_prediction",
    summary="The recorded answer",
    response_model=PredictionReply,
    responses={**AS_DICOM, **problems(400, 404, 406, 410, 500, 503)},
)
async def get_prediction(prediction: UUID, caller: MayRead, service: Served, form: Form, response: Response) -> PredictionReply | Response:
    """The answer as it was recorded; with `Accept: application/dicom` as the structured report, as at `/sr`."""
    if form != JSON:
        return await report_as(form, service, caller, prediction)
    response.headers.update(VARY)

    def recall(connection: Connection) -> tuple[Prediction, Manifest, UUID | None]:
        found = find_prediction(connection, prediction)
        return found, service.versions.manifest_of(connection, found.model_version), former_of(connection, found)

    try:
        found, manifest, former = await service.database.run(recall)
    except (UnavailableError, UnknownPredictionError):
        spooled = await spooled_prediction(service, prediction)
        if spooled is None:
            raise
        service.audit.read(caller, prediction)
        return spooled
    service.audit.read(caller, prediction)
    return PredictionReply.of(found, manifest, replayed=True, revises=former)


async def spooled_prediction(service: Service, prediction: UUID) -> PredictionReply | None:
    """The answer as it lies in this gateway's spool, if it does."""
    found = await service.gateway.capture.spool.recall(prediction)
    running = (*service.fleet.serving.values(), *service.fleet.partly.servings)
    manifests = {each.version.id: each.manifest for each in running}
    if found is None or found.model_version not in manifests:
        return None
    return PredictionReply.of(found, manifests[found.model_version], replayed=True, where=Durability.SPOOL)
