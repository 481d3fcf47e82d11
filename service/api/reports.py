"""Reports: a prediction as a DICOM structured report."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from service.api.callers import MayRead
from service.api.documents import INSTANCE, problems
from service.api.state import Served
from service.errors import UnavailableError, UnknownPredictionError

router = APIRouter(prefix="/v1", tags=["predictions"])

DICOM = "application/dicom"
SPOOLED = "The answer waits in the spool for Postgres; its report can be made once it is there. Try again shortly."


@router.get(
    "/predictions/{prediction}/sr",
    operation_id="get_report",
    summary="The answer as a DICOM structured report",
    response_class=Response,
    responses={
        200: {"description": "TID 1500 in the study of the film; always the same object.", "content": {DICOM: INSTANCE}},
        **problems(400, 401, 403, 404, 410, 429, 500, 503),
    },
)
async def get_report(prediction: UUID, caller: MayRead, service: Served) -> Response:
    """The recorded answer as it belongs into the PACS: with the patient of the film, in its study, unverified.

    404 where reports are switched off or the film did not name its study, 410 once what names the patient is not kept any more.
    """
    try:
        report = await service.reports.fetch(prediction)
    except UnknownPredictionError:
        if await service.gateway.capture.spool.recall(prediction) is None:
            raise
        raise UnavailableError(SPOOLED) from None
    service.audit.read(caller, prediction)
    return Response(report, media_type=DICOM)
