"""Reports: a prediction as a DICOM structured report, at an address of its own, or wherever the header Accept asks for DICOM."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request, Response

from service.access import Caller, Role
from service.api.callers import MayRead
from service.api.documents import INSTANCE, problems
from service.api.negotiation import DICOM, JSON, RELATED, chosen
from service.api.state import Served, Service
from service.errors import ForbiddenError, UnavailableError, UnknownPredictionError

router = APIRouter(prefix="/v1", tags=["predictions"])

FORMS = (JSON, DICOM, RELATED)
SPOOLED = "The answer waits in the spool for Postgres; its report can be made once it is there. Try again shortly."
VARY = {"Vary": "Accept"}
AS_DICOM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "As JSON, or as the DICOM structured report where the header Accept asks for application/dicom or multipart/related.",
        "content": {DICOM: INSTANCE, "multipart/related": INSTANCE},
    }
}


async def form_of(request: Request) -> str:
    """In which form the answer is wanted.

    Raises:
        NotAcceptableError: In none that there is.
    """
    return chosen(request.headers.get("accept"), FORMS)


Form = Annotated[str, Depends(form_of)]


async def report_as(form: str, service: Service, caller: Caller, prediction: UUID) -> Response:
    """The report of a prediction, itself or as the one part of multipart/related.

    Raises:
        ForbiddenError: The caller may not read: a report names the patient.
        StepwedgeError: See `Reports.fetch`.
    """
    if Role.READ not in caller.roles:
        raise ForbiddenError
    try:
        report = await service.reports.fetch(prediction)
    except UnknownPredictionError:
        if await service.gateway.capture.spool.recall(prediction) is None:
            raise
        raise UnavailableError(SPOOLED) from None
    service.audit.read(caller, prediction)
    if form != RELATED:
        return Response(report, media_type=DICOM, headers=VARY)
    boundary = uuid4().hex
    body = b"".join((f"--{boundary}\r\nContent-Type: {DICOM}\r\n\r\n".encode(), report, f"\r\n--{boundary}--\r\n".encode()))
    return Response(body, media_type=f"{RELATED}; boundary={boundary}", headers=VARY)


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
    return await report_as(DICOM, service, caller, prediction)
