"""Requests that are answered later: how far they are."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from service.access import Caller, Role
from service.api.callers import MayFollow
from service.api.documents import problems
from service.api.follow import EXAMPLE, RequestReply, RequestsReply
from service.api.negotiation import JSON
from service.api.problems import RETRY_AFTER_S
from service.api.reports import AS_DICOM, VARY, Form, report_as
from service.api.state import Served, Service
from service.errors import NoReportError, UnavailableError, UnknownRequestError
from service.gateway.journal import status_of
from service.store.requests import RequestStatus, find_request, requests_of

router = APIRouter(prefix="/v1/requests", tags=["predictions"])


@router.get(
    "/{request}",
    operation_id="get_request",
    summary="How far a request is",
    response_model_exclude_none=True,
    response_model=RequestReply,
    responses={**AS_DICOM, 202: {"model": RequestReply, "description": "DICOM was asked for, and the request has not ended yet."}}
    | problems(400, 401, 403, 404, 406, 410, 500, 503),
)
async def get_request(request: UUID, caller: MayFollow, service: Served, form: Form, response: Response) -> RequestReply | Response:
    """Of a request that was taken in to be answered later. Its own caller may ask, and whoever may read.

    With `Accept: application/dicom` its answer as the structured report, for whoever may read; 202 and how far it is before it has ended.
    """
    status = await find(service, request)
    if not may_follow(caller, status):
        raise UnknownRequestError
    response.headers.update(VARY)
    if form == JSON:
        return RequestReply.of(status)
    if status.prediction is not None:
        return await report_as(form, service, caller, status.prediction)
    if status.ended_at is not None:
        raise NoReportError("The request ended without an answer, so there is no report.")
    response.status_code = 202
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return RequestReply.of(status)


@router.get(
    "",
    operation_id="list_requests",
    summary="How far the requests are that came together",
    response_model_exclude_none=True,
    responses=problems(400, 401, 403, 503),
)
async def list_requests(
    batch: Annotated[UUID, Query(description="The batch that an answer linked to.", examples=[EXAMPLE])], caller: MayFollow, service: Served
) -> RequestsReply:
    """In the order of their instances; empty where nothing is known of such a batch."""
    known = {status.id: status for status in await service.database.run(lambda connection: requests_of(connection, batch))}
    known |= {job.id: status_of(job) for job in list(service.inbox.jobs.values()) if job.batch == batch}
    found = sorted((status for status in known.values() if may_follow(caller, status)), key=lambda status: (status.part, status.id))
    return RequestsReply(requests=[RequestReply.of(status) for status in found])


async def find(service: Service, identifier: UUID) -> RequestStatus:
    """From the inbox of this process, from Postgres, or from the inbox of another process on this volume.

    Raises:
        UnknownRequestError: Nobody knows it.
        UnavailableError: Nobody here knows it, and Postgres is away.
    """
    job = service.inbox.jobs.get(identifier)
    if job is not None:
        return status_of(job)
    try:
        return await service.database.run(lambda connection: find_request(connection, identifier))
    except (UnknownRequestError, UnavailableError):
        job = await asyncio.to_thread(service.inbox.elsewhere, identifier)
        if job is None:
            raise
        return status_of(job)


def may_follow(caller: Caller, status: RequestStatus) -> bool:
    return caller.name == status.caller or Role.READ in caller.roles
