"""Later: instances are taken in, durably and at once, to be answered afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from service.api.accounting import Account
from service.api.intake import RESPOND_ASYNC
from service.api.state import Service
from service.domain import Submission
from service.errors import StepwedgeError, UnavailableError
from service.gateway.draft import Draft
from service.gateway.job import Job, Priority, new_id
from service.gateway.look import Look, look_at
from service.gateway.queue import Waiting

DISK = "The disk does not take the instance now; try again later."


def prefers_later(prefer: str | None) -> bool:
    """Whether the header Prefer names respond-async, among whatever else.

    >>> prefers_later("wait=10, Respond-Async"), prefers_later("return=minimal"), prefers_later(None)
    (True, False, False)
    """
    return any(part.split(";")[0].strip().lower() == RESPOND_ASYNC for part in (prefer or "").split(","))


async def take_in(service: Service, drafts: Sequence[Draft], waiting: Sequence[Waiting]) -> None:
    """Make instances and their jobs durable, then queue them. Whoever asked may go away meanwhile: it is all of it or nothing.

    Raises:
        InboxFullError: There is no room for so many jobs.
        UnavailableError: The disk does not take them.
    """
    await asyncio.shield(asyncio.create_task(_take_in(service, drafts, waiting)))


async def _take_in(service: Service, drafts: Sequence[Draft], waiting: Sequence[Waiting]) -> None:
    try:
        await asyncio.to_thread(service.inbox.accept, drafts, [one.job for one in waiting])
    except BaseException as error:
        await asyncio.to_thread(discard, drafts)
        if isinstance(error, OSError):
            raise UnavailableError(DISK) from error
        raise
    for one in waiting:
        service.journal.add(one.job)
        service.queue.put(one)


def discard(drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        draft.discard()


async def postpone(service: Service, submissions: Sequence[Submission], accounts: Sequence[Account], urgency: Priority | None) -> list[Job]:
    """Take in the instances that came together in one request.

    Raises:
        UndecodableError, OutOfScopeError: A look at their headers shows that none of them will ever be answered.
        InboxFullError: There is no room for them.
        UnavailableError: The disk does not take them.
    """
    drafts: list[Draft] = []
    looks: list[Look | StepwedgeError] = []
    try:
        for submission in submissions:
            drafts.append(service.inbox.draft())
            looks.append(await asyncio.to_thread(store, service, drafts[-1], submission))
        check_any(looks)
    except BaseException as error:
        discard(drafts)
        if isinstance(error, OSError):
            raise UnavailableError(DISK) from error
        raise
    batch, now = new_id(), datetime.now(UTC)
    jobs = [
        Job(
            id=new_id(),
            batch=batch,
            part=number,
            instance=draft.id,
            model=submission.model,
            site=submission.site,
            caller=submission.caller,
            received_at=submission.received_at,
            accepted_at=now,
            size=draft.size,
            priority=urgency or (look.priority if isinstance(look, Look) else Priority.ROUTINE),
            key=submission.idempotency_key,
        )
        for number, (draft, submission, look) in enumerate(zip(drafts, submissions, looks, strict=True), 1)
    ]
    await take_in(service, drafts, [Waiting(job, account.receipt) for job, account in zip(jobs, accounts, strict=True)])
    return jobs


def check_any(looks: Sequence[Look | StepwedgeError]) -> None:
    """Pass, if one of them can be answered; else raise what is wrong with the first."""
    errors = [look for look in looks if isinstance(look, StepwedgeError)]
    if len(errors) == len(looks):
        raise errors[0]


def store(service: Service, draft: Draft, submission: Submission) -> Look | StepwedgeError:
    """Write an instance and look at it."""
    draft.write(submission.body)
    draft.seal()
    models = {name: accepts for name, accepts in (service.fleet.accepts or {}).items() if name == submission.model}
    try:
        look = look_at(draft.path, service.gateway.limits, models)
    except StepwedgeError as error:
        return error
    return look if look.outside is None or not models else look.outside
