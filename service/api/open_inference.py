"""The Open Inference Protocol v2: clients of Triton and KServe ask here, and their answers are recorded like any other.

The tensor is the model's own input, preprocessed already. What the protocol leaves open: each row is one prediction; the same row
again is the same prediction, by its content or under an Idempotency-Key; the request's `id` is echoed and is no key, since clients
repeat it. The media type is not judged: Inference-Header-Content-Length says where the JSON ends. Errors are our problems, with
the `error` that the protocol wants. Health and metadata are open, as the home page is, which says the same of the models.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from service.api.accounting import Account
from service.api.callers import MayPredict, may_predict
from service.api.documents import problems
from service.api.inflate import inflated
from service.api.intake import Asked, asked, bringing, declared_length, names_stat, said_in, stated, submission_of
from service.api.open_inference_replies import Live, ModelMetadata, ModelReady, Ready, ServerReply
from service.api.predictions import part_keys
from service.api.state import Served, Service, service_of
from service.api.tensors import JSON_BYTES, query_of, written_reply
from service.domain import Submission
from service.errors import InvalidRequestError, TooLargeError, UnavailableError, UnknownModelError
from service.gateway.admit import Seat
from service.gateway.path import Answer
from service.gateway.readiness import can_answer, readiness
from service.gateway.serving import Lease, Serving

router = APIRouter(prefix="/v2", tags=["open inference"])

HEAD = "Inference-Header-Content-Length"
HEAD_NAME = HEAD.lower().encode()
INFER: dict[str, Any] = {
    "parameters": [
        {
            "name": HEAD,
            "in": "header",
            "description": "Length of the JSON where binary tensors follow it.",
            "schema": {"type": "integer", "minimum": 0},
        }
    ],
    "requestBody": {
        "required": True,
        "description": "JSON, or JSON and binary tensors behind it; gzip and deflate are understood.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/InferRequest"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
}


@router.get("/health/live", operation_id="server_live", summary="Is the process alive?")
async def server_live() -> Live:
    """Always 200 while the process runs; asks nobody."""
    return Live()


@router.get("/health/ready", operation_id="server_ready", summary="Can it answer?", responses=problems(503))
async def server_ready(service: Served) -> Ready:
    """200 if a request would get an answer, as /readyz?exclude=postgres says."""
    checks = await readiness(service.database, service.fleet, service.gateway.capture, service.last_known)
    missing = [name for name, check in checks.items() if not check.ok]
    if not can_answer(checks):
        raise UnavailableError(f"Not ready: {', '.join(missing)}; /readyz says more.")
    return Ready()


@router.get("", operation_id="server_metadata", summary="Who serves")
async def server_metadata(request: Request) -> ServerReply:
    """Name, version and extensions."""
    return ServerReply(version=request.app.version)


@router.get("/models/{model}", operation_id="model_metadata", summary="Inputs and outputs of a model", responses=problems(404, 503))
@router.get(
    "/models/{model}/versions/{version}",
    operation_id="version_metadata",
    summary="Inputs and outputs of a version",
    responses=problems(404, 503),
)
async def model_metadata(model: str, service: Served, version: str | None = None) -> ModelMetadata:
    """The version that answers now; no other is in memory."""
    return ModelMetadata.of(found(service, model, version), service.settings.batch_size)


@router.get("/models/{model}/ready", operation_id="model_ready", summary="Can this model answer?", responses=problems(404, 503))
@router.get(
    "/models/{model}/versions/{version}/ready",
    operation_id="version_ready",
    summary="Can this version answer?",
    responses=problems(404, 503),
)
async def model_ready(model: str, service: Served, version: str | None = None) -> ModelReady:
    """200 where this process has it in memory."""
    return ModelReady(name=found(service, model, version).version.model)


@router.post(
    "/models/{model}/infer",
    operation_id="infer",
    summary="Answer preprocessed tensors",
    response_class=Response,
    responses=problems(400, 403, 404, 408, 409, 413, 415, 429, 500, 503),
    openapi_extra=INFER,
)
@router.post(
    "/models/{model}/versions/{version}/infer",
    operation_id="infer_version",
    summary="Answer preprocessed tensors by this version",
    response_class=Response,
    responses=problems(400, 403, 404, 408, 409, 413, 415, 429, 500, 503),
    openapi_extra=INFER,
)
async def infer(
    model: str, request: Request, *, caller: MayPredict, service: Served, said: Annotated[Asked, Depends(asked)], version: str | None = None
) -> Response:
    """Answer the rows of one tensor [n, 1, rows, columns]; each answer is durable before the reply is sent."""
    now = datetime.now(UTC)
    with Account.open(service, model, now, caller.name) as account, service.admission.seat(urgent=names_stat(said)) as seat:
        submission = submission_of(said, model, service.settings, caller, now, secret=service.gateway.key)
        account.site = submission.site
        with service.fleet.lease(model) as champion, turn(service, champion, submission.site, version) as serving:
            check_version(champion, version)
            most = service.settings.batch_size
            try:
                body = await read_body(request, seat, JSON_BYTES + most * serving.geometry.row_bytes)
            finally:
                account.input_bytes = seat.bytes_read
            query = query_of(body, head_bytes_of(request), serving.geometry, most)
            answers = await answer_rows(service, account, submission, serving, query.rows)
    written = written_reply(query, serving.version.model, serving.version.version, [answer.prediction for answer in answers])
    if written.head_bytes is None:
        return Response(written.content, media_type="application/json")
    return Response(written.content, media_type="application/octet-stream", headers={HEAD: str(written.head_bytes)})


async def infer_at_once(request: Request) -> Response:
    """The same, called without FastAPI; see direct.py."""
    service = await service_of(request)
    caller = await may_predict(request, service)
    return await infer(**request.path_params, request=request, caller=caller, service=service, said=said_in(request.headers))


def turn(service: Service, champion: Serving, site: str, version: str | None) -> Lease:
    """Whoever answers tensors of this site; who asks for a version gets that one."""
    return service.fleet.partly.turn(champion, site, None) if version is None else service.fleet.lease(champion.version.model)


def found(service: Service, model: str, version: str | None) -> Serving:
    """The version in service, if it is the one that is asked for.

    Raises:
        UnknownModelError: There is none, or it is another.
        UnavailableError: It is being loaded.
    """
    serving = service.fleet.find(model)
    check_version(serving, version)
    return serving


def check_version(serving: Serving, version: str | None) -> None:
    if version is not None and version != serving.version.version:
        raise UnknownModelError("This version of the model is not in service.")


def head_bytes_of(request: Request) -> int | None:
    length = stated(request, HEAD_NAME)
    if length is None:
        return None
    if not (length.isascii() and length.isdigit() and len(length) < 12):  # noqa: PLR2004 - a length, not a number to compute with
        raise InvalidRequestError(f"{HEAD} is a number.")
    return int(length)


async def read_body(request: Request, seat: Seat, most: int) -> bytes:
    """The body, inflated, of at most so many bytes."""
    seat.declare(declared_length(request))
    encoding = stated(request, b"content-encoding")
    if encoding in {None, "identity"}:
        return await seat.read_whole(aiter(request.stream()), most)
    chunks, size = [], 0
    async for chunk in inflated(seat.read(aiter(request.stream())), encoding or "", seat):
        size += len(chunk)
        if size > most:
            raise TooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


async def answer_rows(
    service: Service, account: Account, submission: Submission, serving: Serving, rows: Sequence[bytes]
) -> Sequence[Answer]:
    """Answer every row, each an entry of its own in the ledger; the error of one is the error of the request, and a retry is safe."""
    if len(rows) == 1:
        return [await answer_row(service, account, bringing(submission, rows[0]), serving)]
    keyed = [
        replace(submission, body=row, idempotency_key=key)
        for row, key in zip(rows, part_keys(submission.idempotency_key, len(rows)), strict=True)
    ]
    others = (answer_other(service, row, serving) for row in keyed[1:])
    answers = await asyncio.gather(answer_row(service, account, keyed[0], serving), *others, return_exceptions=True)
    if errors := [answer for answer in answers if isinstance(answer, BaseException)]:
        raise errors[0]
    return [answer for answer in answers if isinstance(answer, Answer)]


async def answer_row(service: Service, account: Account, submission: Submission, serving: Serving) -> Answer:
    answer = await service.gateway.infer(submission, serving)
    account.answered(answer)
    return answer


async def answer_other(service: Service, submission: Submission, serving: Serving) -> Answer:
    with Account.open(service, submission.model, submission.received_at, submission.caller) as account:
        account.site, account.input_bytes = submission.site, len(submission.body)
        return await answer_row(service, account, submission, serving)
