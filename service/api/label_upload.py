"""Labels by the thousand: NDJSON or CSV, read, judged and stored as they stream in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection

from service.access import Act, Deed
from service.api.callers import MayLabel
from service.api.documents import problems
from service.api.handlers import field_problem
from service.api.intake import Clock, received_at
from service.api.lines import BOM, csv_records, lines
from service.api.problems import FieldProblem, kind_of
from service.api.state import Served, Service
from service.api.statements import Line
from service.errors import LabelError, StepwedgeError, UnsupportedSyntaxError
from service.gateway.admit import flowing
from service.gateway.label import Stated, Statement, state

router = APIRouter(prefix="/v1", tags=["labels"])

BATCH = 500
PATIENCE_S = 30.0
MOST_ERRORS = 1000
NDJSON, CSV = "application/x-ndjson", "text/csv"
Parse = Callable[[bytes], Line]
COLUMNS = tuple(Line.model_fields)
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


class LineProblem(BaseModel):
    """Why a line was not taken; the line itself is not repeated."""

    model_config = ConfigDict(frozen=True)

    line: Annotated[int, Field(examples=[3])]
    type: Annotated[str, Field(examples=["/problems/unknown-prediction"])]
    detail: Annotated[str, Field(examples=["There is no prediction with this id."])]
    errors: list[FieldProblem] | None = None


class UploadReply(BaseModel):
    """What became of an upload. `added` counts new labels: a statement on an accession is one for each of its films."""

    model_config = ConfigDict(frozen=True)

    received: Annotated[int, Field(description="Lines with a statement.", examples=[3])]
    accepted: Annotated[int, Field(examples=[2])]
    refused: Annotated[int, Field(examples=[1])]
    added: Annotated[int, Field(examples=[2])]
    errors: Annotated[list[LineProblem], Field(description=f"The first {MOST_ERRORS} lines that were refused.")]


@dataclass(slots=True)
class Upload:
    """An upload under way: at most one batch of statements is in memory."""

    service: Service
    received_at: datetime
    received: int = 0
    refused: int = 0
    added: int = 0
    errors: list[LineProblem] = field(default_factory=list)
    batch: list[tuple[int, Statement]] = field(default_factory=list)

    def take(self, number: int, line: bytes, parse: Parse) -> None:
        self.received += 1
        try:
            record = parse(line)
        except ValidationError as error:
            found = [field_problem(item) for item in error.errors(include_url=False, include_input=False)]
            self.refuse(number, LabelError(), found)
        except LabelError as error:
            self.refuse(number, error)
        else:
            self.batch.append((number, record.statement(self.service.key, record.about(self.service.key))))

    def refuse(self, number: int, error: StepwedgeError, fields: list[FieldProblem] | None = None) -> None:
        self.refused += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(LineProblem(line=number, type=f"/problems/{kind_of(error).slug}", detail=str(error), errors=fields))

    async def store(self) -> None:
        """Write the batch down. Each batch is a transaction of its own, and sending a statement again is harmless."""
        numbers, statements = [number for number, _ in self.batch], [statement for _, statement in self.batch]
        self.batch = []

        def work(connection: Connection) -> Stated:
            return state(connection, self.service.versions, statements, self.received_at)

        if statements:
            stated = await self.service.database.run(work, patience=PATIENCE_S)
            self.added += stated.added
            for number, error in zip(numbers, stated.errors, strict=True):
                if error is not None:
                    self.refuse(number, error)

    def reply(self) -> UploadReply:
        errors = sorted(self.errors, key=lambda problem: problem.line)
        return UploadReply(
            received=self.received, accepted=self.received - self.refused, refused=self.refused, added=self.added, errors=errors
        )


@router.post(
    "/labels",
    operation_id="upload_labels",
    summary="State what many films show",
    response_model=UploadReply,
    responses={
        207: {"model": UploadReply, "description": "Some lines were refused; each says why. The others are stored."},
        **problems(400, 403, 408, 413, 415, 429, 503),
    },
    openapi_extra=BODY,
)
async def upload_labels(request: Request, caller: MayLabel, service: Served, clock: Clock = None) -> Response:
    """One statement a line, about a prediction, an accession or an instance; a line that is refused does not hide the others."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {NDJSON, CSV}:
        raise UnsupportedSyntaxError(f"Send {NDJSON} or {CSV}.")
    upload = Upload(service, received_at(clock, service.settings, caller, datetime.now(UTC)))
    with service.admission.seat():
        await read(upload, lines(flowing(aiter(request.stream()))), None if kind == CSV else json_line)
    reply = upload.reply()
    counts = {"received": reply.received, "accepted": reply.accepted, "refused": reply.refused, "added": reply.added}
    service.audit.note(Act(datetime.now(UTC), caller.name, Deed.LABELS_IMPORTED, "", counts))
    return Response(reply.model_dump_json(exclude_none=True), status_code=207 if reply.refused else 200, media_type="application/json")


def json_line(line: bytes) -> Line:
    """One line of NDJSON. JSON has numbers and text, so they are told apart; in CSV all is text."""
    return Line.model_validate_json(line, strict=True)


def csv_line(header: bytes) -> Parse:
    """A parser of the lines below a CSV header.

    Raises:
        LabelError: It names other columns than a statement has.
    """
    cells = csv_records(header, COLUMNS)
    return lambda line: Line.model_validate_strings(cells(line))


async def read(upload: Upload, stream: AsyncIterator[bytes], parse: Parse | None) -> None:
    """Take line after line; without a parser the first line makes one."""
    number = 0
    async for line in stream:
        number += 1
        if not line.strip():
            continue
        if parse is None:
            parse = csv_line(line.rstrip(b"\r"))
            continue
        upload.take(number, line.removeprefix(BOM) if number == 1 else line.rstrip(b"\r"), parse)
        if len(upload.batch) >= BATCH:
            await upload.store()
    await upload.store()
