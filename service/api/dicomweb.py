"""DICOMweb STOW-RS (PS3.18 10.5): what a PACS forwards is stored durably and answered at once; predictions follow."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from service.api.callers import MayPredict
from service.api.documents import INSTANCE, problems
from service.api.forward import Wanted, wanted
from service.api.state import Served
from service.api.stored import JSON, XML, as_json, as_xml, status_of
from service.api.stow import Stored, receive

router = APIRouter(prefix="/dicom-web/studies", tags=["dicomweb"])

UID = r"^[0-9]+(\.[0-9]+)*$"
Study = Annotated[str, Path(description="Study Instance UID; instances of another study are not stored.", max_length=64, pattern=UID)]
EXAMPLE = {
    "00081190": {"vr": "UR"},
    "00081199": {
        "vr": "SQ",
        "Value": [
            {
                "00081150": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.1.1"]},
                "00081155": {"vr": "UI", "Value": ["1.2.826.0.1.3680043.8.498.1"]},
            }
        ],
    },
}
ANSWER = {JSON: {"schema": {"type": "object"}, "example": EXAMPLE}, XML: {"schema": {"type": "string"}}}
DOCUMENT: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {"description": "All instances are stored. Link leads to what becomes of them.", "content": ANSWER},
        202: {"description": "Some are; the others are named with the reason.", "content": ANSWER},
        409: {"description": "None is; each is named with the reason.", "content": ANSWER},
        **problems(400, 401, 403, 404, 406, 408, 413, 415, 429, 500, 503),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": 'Instances of any kind: as parts of multipart/related; type="application/dicom"; boundary=..., or a single one.',
            "content": {"multipart/related": INSTANCE, "application/dicom": INSTANCE},
        }
    },
}


@router.post("", operation_id="store_instances", summary="Store instances (STOW-RS)", **DOCUMENT)
async def store_instances(request: Request, caller: MayPredict, service: Served, asks: Annotated[Wanted, Depends(wanted)]) -> Response:
    """Take in a study, or a part of one, whatever is in it. What a model takes is answered afterwards; the rest is counted as out of scope."""
    return answer(await receive(request, service, caller, asks))


@router.post("/{study}", operation_id="store_instances_of_study", summary="Store instances of one study (STOW-RS)", **DOCUMENT)
async def store_instances_of_study(
    study: Study, request: Request, caller: MayPredict, service: Served, asks: Annotated[Wanted, Depends(wanted)]
) -> Response:
    """As above; instances of another study are not stored."""
    return answer(await receive(request, service, caller, asks, study))


def answer(stored: Stored) -> Response:
    body = as_xml(stored.fates) if stored.media_type == XML else as_json(stored.fates)
    headers = {"Link": f'<{stored.follow}>; rel="status"'} if stored.follow else {}
    return Response(body, status_code=status_of(stored.fates), media_type=stored.media_type, headers=headers)
