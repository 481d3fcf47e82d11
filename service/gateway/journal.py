"""Journal: how far each job is goes to Postgres, a moment later; until it is there, the inbox keeps it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

import structlog
from sqlalchemy import Connection

from service.errors import UnavailableError
from service.gateway.database import Database
from service.gateway.inbox import Inbox
from service.gateway.job import Job
from service.store.ids import derived_id
from service.store.outbox import enqueue_result
from service.store.requests import RequestStatus, forget_requests, record_requests

log = structlog.get_logger()

LARGEST_BATCH = 200
PAUSE_S = 0.1
KEPT = timedelta(days=30)
"""How long an ended request can be looked up."""
FORGET_EVERY_S = 3600.0


class Journal:
    """One task that writes the latest state of many jobs in one transaction, and the message of an end in the same."""

    def __init__(self, database: Database, inbox: Inbox) -> None:
        self._database = database
        self._inbox = inbox
        self._pending: dict[UUID, Job] = {}
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._work(), name="journal")
        self._forget_at = monotonic()

    def add(self, job: Job) -> None:
        """Have this written. A later state of the same job takes its place."""
        self._pending[job.id] = job

    async def close(self) -> None:
        """Write what is left, if Postgres is there; the rest is found in the inbox by whoever comes next."""
        self._closing.set()
        await self._task

    async def _work(self) -> None:
        closing = False
        while not closing:
            with suppress(TimeoutError):
                closing = await asyncio.wait_for(self._closing.wait(), PAUSE_S)
            with suppress(UnavailableError):
                while self._pending:
                    await self._write(list(self._pending.values())[:LARGEST_BATCH])
                await self._forget()

    async def _write(self, batch: list[Job]) -> None:
        try:
            await self._database.run(lambda connection: write(connection, batch))
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one row that cannot be stored must not keep the others back
            if len(batch) > 1:
                for job in batch:
                    await self._write([job])
                return
            log.error("request_not_stored", cause=type(error).__name__)  # noqa: TRY400 - a message may quote a row
        for job in batch:
            if self._pending.get(job.id) is job:
                del self._pending[job.id]
        await asyncio.to_thread(self._let_go, [job for job in batch if job.ended])

    def _let_go(self, ended: list[Job]) -> None:
        for job in ended:
            self._inbox.forget(job)

    async def _forget(self) -> None:
        """Every hour, remove what ended long ago."""
        if monotonic() < self._forget_at:
            return
        removed = await self._database.run(lambda connection: forget_requests(connection, datetime.now(UTC) - KEPT))
        self._forget_at = monotonic() + (0.0 if removed else FORGET_EVERY_S)


def write(connection: Connection, batch: list[Job]) -> None:
    """Store these states, and put the messages of those that ended into the outbox."""
    record_requests(connection, [status_of(job) for job in batch])
    for job in batch:
        if job.notice is not None and job.ended_at is not None:
            enqueue_result(connection, notice_id(job.id), job.prediction, job.notice.encode(), job.ended_at)


def notice_id(request: UUID) -> UUID:
    """The id of the one message about the end of a request, however often it is written."""
    return derived_id(request, "result")


def status_of(job: Job) -> RequestStatus:
    """What others may know of a job."""
    return RequestStatus(
        id=job.id,
        batch=job.batch,
        part=job.part,
        model=job.model,
        site=job.site,
        caller=job.caller,
        priority=job.priority,
        state=job.state,
        received_at=job.received_at,
        ended_at=job.ended_at,
        prediction=job.prediction,
        reason=job.reason,
        status=job.status,
        detail=job.detail,
    )
