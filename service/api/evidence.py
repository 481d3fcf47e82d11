"""The page of evidence that a remedy rests on."""

from __future__ import annotations

import asyncio
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import Connection

from service.api.callers import MayRead
from service.api.documents import problems
from service.api.reviews import PAGE, POLICY
from service.api.state import Served
from service.errors import NoReviewError, UnknownRemedyError
from service.remedies.bundle import summary_of
from service.store.remedies import find_remedy

router = APIRouter(tags=["remedies"])


@router.get(
    "/v1/remedies/{remedy}/evidence",
    operation_id="get_evidence",
    summary="Summary of the evidence",
    response_class=Response,
    responses={200: {"description": "One page of HTML that needs nothing else.", "content": PAGE}, **problems(400, 404, 503)},
)
async def get_evidence(remedy: UUID, _caller: MayRead, service: Served) -> Response:
    """One page that a physician can read, as it was when the remedy was proposed; the folder that it belongs to is named by its hash."""

    def ask(connection: Connection) -> str | None:
        found = find_remedy(connection, remedy)
        if found is None:
            raise UnknownRemedyError
        return found.evidence_bundle

    digest = await service.database.run(ask)
    if digest is None:
        raise NoReviewError("The worker has not made the folder of evidence yet.")
    try:
        page = await asyncio.to_thread(summary_of, service.settings, digest)
    except FileNotFoundError:
        raise NoReviewError("The folder of evidence is no longer in the object folder.") from None
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    return Response(page, media_type="text/html", headers={**headers, "ETag": f'"{digest}"'})
