"""Audit: what was done here, by whom, the newest first, and how far the chain of the log was followed.

Who may change what runs here may look (role operate): the log names every caller, what each looked up, and which keys there are.
A key for dashboards or for reading films has no need of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from service.access import Deed, Detail, Role
from service.api.state import service_of
from service.console.chosen import day_of_query
from service.console.forms import read_form
from service.console.page import Asked, Page, Place
from service.console.render import headers_for
from service.console.visitor import Visitor
from service.store.audit import head_of
from service.store.audit_checks import Check, check, check_next, last_checks
from service.store.audit_trail import Sought, trail
from service.store.chain import BEFORE_ALL, Entry, Head
from service.worker.calendar import DAY, midnight

PATH = "/console/audit"
CHECK = f"{PATH}/check"
ON_A_PAGE, CHECKS_SHOWN = 50, 5
CHECKED_ROWS = 20_000
"""Followed at one press; more would keep a thread of the database for seconds."""
PATIENCE_S = 30.0
MOST_SUBJECTS = 3
LARGEST_ROW = 2**62


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the log. details: by name, in words. of_actor, of_deed, of_subject: addresses that show only such."""

    entry: Entry
    details: tuple[tuple[str, str], ...]
    of_actor: str
    of_deed: str
    of_subject: str


@dataclass(frozen=True, slots=True)
class AuditView:
    """A part of the log, and the state of its chain. behind: rows that were written since the last check."""

    lines: tuple[Line, ...]
    head: Head
    checks: tuple[Check, ...]
    behind: int
    actor: str
    deed: str
    subject: str
    since: str
    until: str
    deeds: tuple[str, ...]
    newest: str | None
    older: str | None
    exports: tuple[tuple[str, str], ...]


def audit(connection: Connection, asked: Asked) -> AuditView:
    """Fifty rows, narrowed by `actor`, `deed`, `subject` and the days `from` and `to`; `before` is the number of a row."""
    given = {name: asked.text(name) for name in ("actor", "deed", "subject", "from", "to")}
    before = asked.whole("before", 0, 1, LARGEST_ROW)
    found = trail(connection, sought_of(asked), most=ON_A_PAGE + 1, before=before or None)
    shown, head, checks = found[:ON_A_PAGE], head_of(connection), tuple(last_checks(connection, CHECKS_SHOWN))
    return AuditView(
        lines=tuple(_line(entry) for entry in shown),
        head=head,
        checks=checks,
        behind=max(0, head.seq - checks[0].last) if checks else head.seq,
        actor=given["actor"],
        deed=given["deed"],
        subject=given["subject"],
        since=given["from"],
        until=given["to"],
        deeds=tuple(Deed),
        newest=_address(PATH, given) if before else None,
        older=_address(PATH, {**given, "before": str(shown[-1].seq)}) if len(found) > ON_A_PAGE else None,
        exports=tuple((form.upper(), _address(f"{PATH}/log.{form}", given)) for form in ("ndjson", "csv")),
    )


def sought_of(asked: Asked) -> Sought:
    """What an address asks for; its last day is part of it.

    Raises:
        InvalidRequestError: It names no deed, or no day.
    """
    deed, first, last = asked.word("deed", ("", *Deed), ""), day_of_query(asked, "from"), day_of_query(asked, "to")
    return Sought(
        actor=asked.text("actor") or None,
        deed=Deed(deed) if deed else None,
        subject=asked.text("subject") or None,
        since=midnight(first) if first else None,
        until=midnight(last + DAY) if last else None,
    )


def _line(entry: Entry) -> Line:
    act = entry.act
    return Line(
        entry=entry,
        details=tuple((name.replace("_", " "), in_words(value)) for name, value in act.details.items() if value is not None),
        of_actor=_address(PATH, {"actor": act.actor}),
        of_deed=_address(PATH, {"deed": act.deed.value}),
        of_subject=_address(PATH, {"subject": act.subject}),
    )


def in_words(value: Detail) -> str:
    """A detail for reading; of a long list its beginning.

    >>> in_words(True), in_words(3), in_words(["a", "b", "c", "d", "e"])
    ('yes', '3', 'a, b, c and 2 more')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        more = len(value) - MOST_SUBJECTS
        return ", ".join(value[:MOST_SUBJECTS]) + (f" and {more} more" if more > 0 else "")
    return str(value)


def _address(path: str, given: dict[str, str]) -> str:
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{path}?{query}" if query else path


async def check_chain(request: Request, visitor: Visitor) -> Response:
    """Follow the chain on from the last check, or from its first row, and show what was found."""
    visitor.need(Role.OPERATE)
    fields, now, service = await read_form(request, visitor), datetime.now(UTC), await service_of(request)
    anew = fields.get("start") == "first"

    def work(connection: Connection) -> Check:
        if anew:
            return check(connection, now, visitor.caller.name, BEFORE_ALL, CHECKED_ROWS)
        return check_next(connection, now, visitor.caller.name, CHECKED_ROWS)

    await service.database.run(work, patience=PATIENCE_S)
    return RedirectResponse(f"{PATH}#chain", 303, headers=headers_for(request))


AUDIT_PAGE = Page("audit", "Audit", PATH, audit, Place.TOP, role=Role.OPERATE)
