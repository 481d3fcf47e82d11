"""Audit: what callers look at, state and are denied, gathered in memory for a few seconds and written down together."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from service.access import Act, Caller, Deed
from service.errors import UnavailableError
from service.gateway.database import Database
from service.gateway.ledger import Ledger
from service.store.audit import append

log = structlog.get_logger()

PAUSE_S = 1.0
DENIALS_EVERY_S = 60.0
LARGEST_BACKLOG = 10_000
MOST_TOGETHER = 500
GATHERED = (Deed.PREDICTION_READ, Deed.LABELS_STATED)
"""Deeds of which those of one caller make one entry: `subjects` lists them with their times."""


class AuditLog:
    """A bounded backlog that one task empties. What does not fit is dropped, oldest first, and counted; writing is at least once.

    Denials are counted, not listed: an entry a minute says how many, so that nobody can flood the log from outside.
    """

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger
        self._backlog: deque[Act] = deque()
        self._denials: Counter[tuple[str, str, str]] = Counter()
        self._denials_due = monotonic() + DENIALS_EVERY_S
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._work(), name="audit")

    def note(self, act: Act) -> None:
        """Have an act written down within seconds."""
        self._backlog.append(act)
        while len(self._backlog) > LARGEST_BACKLOG:
            self._backlog.popleft()
            self._ledger.drop_audit(1)

    def read(self, caller: Caller, prediction: object) -> None:
        """Somebody looked at the answer to one film."""
        self.note(Act(datetime.now(UTC), caller.name, Deed.PREDICTION_READ, str(prediction)))

    def denied(self, caller: str, role: str, reason: str) -> None:
        """Somebody was turned away. Callers are names of keys, so there are not many kinds of this."""
        self._denials[caller, role, reason] += 1

    async def close(self) -> None:
        """Write what is left, if Postgres is there; what is not written counts as dropped."""
        self._denials_due = 0.0
        self._closing.set()
        await self._task
        self._ledger.drop_audit(len(self._backlog))

    async def _work(self) -> None:
        closing = False
        while not closing:
            with suppress(TimeoutError):
                closing = await asyncio.wait_for(self._closing.wait(), PAUSE_S)
            self._gather_denials()
            with suppress(UnavailableError):
                while self._backlog:
                    await self._write()

    def _gather_denials(self) -> None:
        if monotonic() < self._denials_due:
            return
        self._denials_due = monotonic() + DENIALS_EVERY_S
        for (caller, role, reason), count in self._denials.items():
            self.note(Act(datetime.now(UTC), caller, Deed.ACCESS_DENIED, role, {"reason": reason, "count": count}))
        self._denials.clear()

    async def _write(self) -> None:
        batch = [self._backlog.popleft() for _ in range(min(len(self._backlog), MOST_TOGETHER))]
        acts = list(gathered(batch))
        try:
            await self._database.run(lambda connection: written(connection, acts))
        except UnavailableError:
            self._backlog.extendleft(reversed(batch))
            raise
        except SQLAlchemyError as error:
            self._ledger.drop_audit(len(batch))
            log.error("audit_not_written", cause=type(error).__name__, count=len(batch))  # noqa: TRY400 - a message may quote a row


def written(connection: Connection, acts: list[Act]) -> None:
    append(connection, *acts)


def gathered(batch: list[Act]) -> Iterator[Act]:
    """The acts in the order in which each kind began, those of one caller and one gathered deed as one."""
    groups: dict[object, list[Act]] = defaultdict(list)
    for act in batch:
        groups[(act.actor, act.deed) if act.deed in GATHERED else id(act)].append(act)
    for acts in groups.values():
        first = acts[0]
        if first.deed not in GATHERED:
            yield first
            continue
        subjects = [f"{act.at.isoformat(timespec='milliseconds')} {act.subject}" for act in acts]
        yield Act(acts[-1].at, first.actor, first.deed, "", {"count": len(acts), "subjects": subjects})
