"""An upload of labels under way: lines in, statements judged and stored batch by batch, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection

from service.api.handlers import field_problem
from service.api.lines import BOM, csv_records
from service.api.problems import FieldProblem, kind_of
from service.api.state import Service
from service.api.statements import Line
from service.errors import ConflictError, LabelError, StepwedgeError
from service.gateway.label import refusal
from service.store.label_imports import NOTHING, Import, Progress, advance, progress_of
from service.store.statements import BATCH, Fate, Stated, Statement, state

PATIENCE_S = 60.0
MOST_ERRORS = 1000
COLUMNS = tuple(Line.model_fields)
Parse = Callable[[bytes], Line]


class LineProblem(BaseModel):
    """Why a line was not taken; the line itself is not repeated."""

    model_config = ConfigDict(frozen=True)

    line: Annotated[int, Field(examples=[3])]
    type: Annotated[str, Field(examples=["/problems/unknown-prediction"])]
    detail: Annotated[str, Field(examples=["There is no prediction with this id."])]
    errors: list[FieldProblem] | None = None


@dataclass(slots=True)
class Upload:
    """An upload under way: at most two batches of statements are in memory, one being read and one being stored."""

    service: Service
    received_at: datetime
    named: Import | None = None
    stored: Progress = NOTHING
    lines: int = 0
    refused: int = 0
    accepted: int = 0
    waiting: int = 0
    added: int = 0
    errors: list[LineProblem] = field(default_factory=list)
    batch: list[tuple[int, Statement]] = field(default_factory=list)
    storing: asyncio.Task[None] | None = None

    def take(self, number: int, line: bytes, parse: Parse) -> None:
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

    async def store(self, *, finished: bool = False) -> None:
        """Write the batch down while the next one is read. Each is a transaction of its own, with the progress that it makes."""
        await self.settle()
        batch, self.batch = self.batch, []
        # A batch is seen to while lines go on being read, so what was read and refused by now goes with it.
        self.storing = asyncio.create_task(self._write(batch, self.lines, self.refused, finished=finished))
        if finished:
            await self.settle()

    async def settle(self) -> None:
        """Wait until what is being stored is stored."""
        storing, self.storing = self.storing, None
        if storing is not None:
            await storing

    async def abandon(self) -> None:
        """After an error: let the batch that is under way end, whatever becomes of it."""
        storing, self.storing = self.storing, None
        if storing is not None:
            await asyncio.wait([storing])

    async def _write(self, batch: Sequence[tuple[int, Statement]], read: int, refused: int, *, finished: bool) -> None:
        before, statements = self.stored, [statement for _, statement in batch]

        def work(connection: Connection) -> tuple[Stated, Progress]:
            stated = state(connection, statements, self.received_at)
            kept_out = sum(refusal(fate) is not None for fate in stated.fates)
            waiting = self.waiting + sum(fate is Fate.WAITING for fate in stated.fates)
            accepted = self.accepted + len(batch) - kept_out
            now = Progress(read, accepted, refused + kept_out, waiting, self.added + stated.added, finished)
            if self.named is not None and not advance(connection, self.named, before, now, at=self.received_at):
                raise ConflictError("Somebody else has carried this import on meanwhile; ask how far it has come.")
            return stated, now

        stated, self.stored = await self.service.database.run(work, patience=PATIENCE_S)
        self.accepted, self.waiting, self.added = self.stored.accepted, self.stored.waiting, self.stored.added
        for (number, _), fate in zip(batch, stated.fates, strict=True):
            error = refusal(fate)
            if error is not None:
                self.refuse(number, error)

    async def resume(self, start: int) -> None:
        """Take an import up where it stopped; one that was finished may begin anew.

        Raises:
            ConflictError: It stopped somewhere else.
        """
        named = self.named
        if named is None:
            if start:
                raise ConflictError("Only an import that has a name can be carried on.")
            return
        known = await self.service.database.run(lambda connection: progress_of(connection, named)) or NOTHING
        self.stored = known
        if known.finished and start == 0:
            return
        if known.lines != start:
            raise ConflictError(f"Of this import {known.lines} lines were read; send what follows them.")
        self.lines, self.accepted, self.refused = known.lines, known.accepted, known.refused
        self.waiting, self.added = known.waiting, known.added


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
    """Take line after line; without a parser the first line makes one, also where an import is carried on."""
    again = upload.lines > 0
    async for line in stream:
        if parse is None:
            upload.lines += not again
            parse = csv_line(line.rstrip(b"\r")) if line.strip() else None
            continue
        upload.lines += 1
        if line.strip():
            upload.take(upload.lines, line.removeprefix(BOM) if upload.lines == 1 else line.rstrip(b"\r"), parse)
        if len(upload.batch) >= BATCH:
            await upload.store()
    await upload.store(finished=True)
