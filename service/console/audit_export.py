"""Audit export: the rows that the page shows, all of them, as a file; with the hashes, so that anybody can follow the chain again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from service.access import Act, Deed, Role
from service.api.state import Service, service_of
from service.console.audit import PATH as AUDIT
from service.console.audit import sought_of
from service.console.charts.table import Table
from service.console.page import Asked
from service.console.render import headers_for
from service.console.visitor import Visitor
from service.store.audit import head_of
from service.store.audit_trail import Sought, trail_part
from service.store.chain import Entry

PATH = f"{AUDIT}/log.{{form}}"
AT_ONCE = 1000
COLUMNS = ("row", "at", "actor", "deed", "subject", "details", "previous", "hash")

Write = Callable[[Sequence[Entry]], str]


def as_lines(part: Sequence[Entry]) -> str:
    """NDJSON, as `stepwedge audit export` prints it."""
    return "".join(f"{entry.to_json()}\n" for entry in part)


def as_table(part: Sequence[Entry]) -> str:
    """CSV without its head."""
    whole = Table(COLUMNS, tuple(map(_cells, part))).csv()
    return whole.partition("\r\n")[2]


FORMS: dict[str, tuple[str, str, Write]] = {
    "ndjson": ("application/x-ndjson", "", as_lines),
    "csv": ("text/csv; charset=utf-8", ",".join(COLUMNS) + "\r\n", as_table),
}
"""Form -> its media type, what stands at its head, how a part is written."""


async def send(request: Request, visitor: Visitor) -> Response:
    """The rows that the address asks for, the oldest first, a thousand at a time; that they were taken is a row of the log itself."""
    visitor.need(Role.OPERATE)
    service, form, now = await service_of(request), request.path_params["form"], datetime.now(UTC)
    if form not in FORMS:
        raise HTTPException(404)
    media_type, head, write = FORMS[form]
    sought = sought_of(Asked(service, visitor, now, request.path_params, dict(request.query_params)))
    last = (await service.database.run(head_of)).seq
    service.audit.note(
        Act(now, visitor.caller.name, Deed.AUDIT_EXPORTED, "", {"form": form, "up_to_row": last, "filter": request.url.query})
    )
    saved = {"Content-Disposition": f'attachment; filename="audit-{now:%Y-%m-%d}.{form}"'}
    return StreamingResponse(parts(service, sought, last, head, write), media_type=media_type, headers={**headers_for(request), **saved})


async def parts(service: Service, sought: Sought, last: int, head: str, write: Write) -> AsyncIterator[str]:
    """The file piece by piece; the log only grows, so that its rows up to `last` stay as they are."""
    yield head
    after = 0
    while found := await service.database.run(partial(trail_part, sought=sought, most=AT_ONCE, after=after, last=last)):
        yield write(found)
        after = found[-1].seq


def _cells(entry: Entry) -> tuple[str | int, ...]:
    act = entry.act
    details = json.dumps(dict(act.details), sort_keys=True)
    return (
        entry.seq,
        act.at.astimezone(UTC).isoformat(),
        act.actor,
        act.deed.value,
        act.subject,
        details,
        entry.previous.hex(),
        entry.hash.hex(),
    )
