"""Labels by the million: NDJSON or CSV, read, judged and stored as they stream in; what breaks off can be carried on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from service.access import Act, Deed
from service.api.callers import MayLabel
from service.api.documents import problems
from service.api.intake import Clock, received_at
from service.api.label_stream import COLUMNS, MOST_ERRORS, LineProblem, Upload, json_line, read
from service.api.lines import lines
from service.api.state import Served
from service.errors import UnknownImportError, UnsupportedSyntaxError
from service.gateway.admit import flowing
from service.store.label_imports import Import, progress_of

router = APIRouter(prefix="/v1", tags=["labels"])

NDJSON, CSV = "application/x-ndjson", "text/csv"
EXAMPLE = '{"accession": "A-1017", "finding": "opacity", "value": 1, "source": "report", "made_at": "2026-03-02T15:30:00Z"}\n'
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"One statement a line. Columns of CSV, named by its first line: {', '.join(COLUMNS)}.",
        "content": {
            NDJSON: {"schema": {"type": "string"}, "example": EXAMPLE},
            CSV: {
                "schema": {"type": "string"},
                "example": "accession,finding,value,source,made_at\nA-1017,opacity,1,report,2026-03-02T15:30:00Z\n",
            },
        },
    }
}


class Part(BaseModel):
    """Which import an upload is a part of, if any."""

    model_config = ConfigDict(frozen=True)

    stepwedge_import: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="Names this import, so that it can be carried on: a digest of the file, best."),
    ] = None
    stepwedge_import_from: Annotated[
        int, Field(ge=0, le=2**53, description="How many lines of the import were read already and are not sent again.")
    ] = 0


class ProgressReply(BaseModel):
    """How far an import has come. `added` counts new labels: a statement on an accession is one for each of its films."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    lines: Annotated[int, Field(description="Lines that were read, blank ones and the header of CSV too.", examples=[4])]
    accepted: Annotated[int, Field(examples=[2])]
    refused: Annotated[int, Field(examples=[1])]
    waiting: Annotated[int, Field(description="Accepted statements on films that are not here yet.", examples=[0])]
    added: Annotated[int, Field(examples=[2])]
    finished: Annotated[bool, Field(examples=[True])]


class UploadReply(BaseModel):
    """What became of an upload, or of an import as a whole where it is one."""

    model_config = ConfigDict(frozen=True)

    received: Annotated[int, Field(description="Lines with a statement.", examples=[3])]
    accepted: Annotated[int, Field(examples=[2])]
    refused: Annotated[int, Field(examples=[1])]
    waiting: Annotated[int, Field(description="Accepted statements on films that are not here yet; they count once one is.", examples=[0])]
    added: Annotated[int, Field(description="New labels: a statement on an accession is one for each of its films.", examples=[2])]
    errors: Annotated[list[LineProblem], Field(description=f"The first {MOST_ERRORS} lines of this request that were refused.")]

    @classmethod
    def of(cls, upload: Upload) -> UploadReply:
        return cls(
            received=upload.accepted + upload.refused,
            accepted=upload.accepted,
            refused=upload.refused,
            waiting=upload.waiting,
            added=upload.added,
            errors=sorted(upload.errors, key=lambda problem: problem.line),
        )


@router.post(
    "/labels",
    operation_id="upload_labels",
    summary="State what many films show",
    response_model=UploadReply,
    responses={
        207: {"model": UploadReply, "description": "Some lines were refused; each says why. The others are stored."},
        **problems(400, 403, 408, 409, 413, 415, 429, 503),
    },
    openapi_extra=BODY,
)
async def upload_labels(
    request: Request, caller: MayLabel, service: Served, part: Annotated[Part, Header()], clock: Clock = None
) -> Response:
    """One statement a line, about a prediction, an accession, a study or an instance; a line that is refused does not hide the others.

    A film that is not here yet is waited for. With a name the upload is an import: when it breaks off, `GET /v1/labels/imports/NAME` says how
    many lines were read, and the rest of the file (CSV: below its header) carries it on.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {NDJSON, CSV}:
        raise UnsupportedSyntaxError(f"Send {NDJSON} or {CSV}.")
    named = None if part.stepwedge_import is None else Import(caller.name, part.stepwedge_import)
    upload = Upload(service, received_at(clock, service.settings, caller, datetime.now(UTC)), named)
    with service.admission.seat():
        await upload.resume(part.stepwedge_import_from)
        try:
            await read(upload, lines(flowing(aiter(request.stream()))), None if kind == CSV else json_line)
        finally:
            await upload.abandon()
    reply = UploadReply.of(upload)
    counts = {"received": reply.received, "accepted": reply.accepted, "refused": reply.refused, "added": reply.added}
    service.audit.note(Act(datetime.now(UTC), caller.name, Deed.LABELS_IMPORTED, "", counts))
    return Response(reply.model_dump_json(exclude_none=True), status_code=207 if reply.refused else 200, media_type="application/json")


@router.get(
    "/labels/imports/{name}",
    operation_id="get_label_import",
    summary="How far an import of labels has come",
    responses=problems(404, 503),
)
async def get_label_import(name: str, caller: MayLabel, service: Served) -> ProgressReply:
    """Of the caller's own imports."""
    found = await service.database.run(lambda connection: progress_of(connection, Import(caller.name, name)))
    if found is None:
        raise UnknownImportError
    return ProgressReply.model_validate(found)
