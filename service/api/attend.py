"""Attend: what waits in the inbox is answered, one instance after the other and a few at a time, and never lost in between."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom

import structlog

from service.api.accounting import Account
from service.api.follow import notice_of
from service.api.problems import INTERNAL, Kind, detail_of, kind_of
from service.api.replies import PredictionReply
from service.api.state import Service
from service.api.trace import frames
from service.domain import Durability, Outcome, Pseudonyms, Submission
from service.errors import BusyError, CrashedError, ErasedError, UnavailableError
from service.gateway.fleet import LOADING
from service.gateway.job import Job, Priority, State, new_id
from service.gateway.journal import status_of
from service.gateway.ledger import NOBODY, Receipt
from service.gateway.look import look_at
from service.gateway.path import Answer
from service.gateway.queue import Waiting
from service.store.erase import sweep
from service.store.erasures import erased_among

log = structlog.get_logger()

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
BUSY_PAUSE = timedelta(seconds=0.5)
MOST_TRIES = 5
"""Tries of an instance on which the model or the program fails."""
MOST_CRASHES = 5
GIVE_UP_AFTER = timedelta(days=1)
"""Age at which an instance is given up that could not be answered because something is away."""
AWAY = frozenset((408, 429, 503))
LOOK_ROUND_S = 10.0
DRAIN_S = 8.0


class Attendants:
    """Tasks that take from the queue. What a process that is gone left on this volume is taken over at the start, and now and then."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._draw = SystemRandom()
        self._ending = asyncio.Event()
        tasks = (self._attend() for _ in range(service.settings.async_tasks))
        self._tasks = [asyncio.create_task(work, name="attendant") for work in (self._adopt(), *tasks)]

    async def close(self) -> None:
        """Finish what is in work; what waits stays in the inbox."""
        self._ending.set()
        _, late = await asyncio.wait(self._tasks, timeout=DRAIN_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _attend(self) -> None:
        while not self._ending.is_set():
            waiting = await first_of(self._service.queue.take(), self._ending)
            if waiting is not None:
                await attend(self._service, waiting, self._draw)

    async def _adopt(self) -> None:
        while not self._ending.is_set():
            try:
                enter(self._service, await asyncio.to_thread(self._service.inbox.adopt))
            except OSError as error:
                log.error("inbox_not_read", kind=type(error).__name__)  # noqa: TRY400 - its class is enough
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), LOOK_ROUND_S)


async def first_of(taking: Coroutine[None, None, Waiting], ending: asyncio.Event) -> Waiting | None:
    """The next job; None when it is time to end first."""
    take, end = asyncio.ensure_future(taking), asyncio.ensure_future(ending.wait())
    done, _ = await asyncio.wait((take, end), return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
    if take in done:
        return take.result()
    take.cancel()
    return None


def enter(service: Service, jobs: Sequence[Job]) -> None:
    """Take up jobs that another process left."""
    for job in jobs:
        service.journal.add(job)
        if not job.ended:
            service.queue.put(Waiting(job, None if job.model is None else open_account(service, job).receipt))
    if jobs:
        log.info("inbox_taken_over", jobs=len(jobs))


def open_account(service: Service, job: Job) -> Account:
    """The entry of a job in the ledger of this process."""
    return booked_again(service, job, Account.open(service, job.model or NOBODY, job.received_at, job.caller).receipt)


def booked_again(service: Service, job: Job, receipt: Receipt) -> Account:
    return Account(service, receipt, job.received_at, job.caller, job.site, job.size)


async def attend(service: Service, waiting: Waiting, draw: Random) -> None:
    """Work on one job until it ends, or put it back."""
    job, receipt = waiting.job, waiting.receipt
    try:
        check_crashes(job)
        if job.model is None:
            job = await route(service, job)
        receipt = receipt or open_account(service, job).receipt
        job = replace(job, state=State.RUNNING)
        await asyncio.to_thread(service.inbox.note, job)
        answer = await answer_to(service, job)
    except BusyError:
        service.queue.put(Waiting(replace(job, state=State.QUEUED), receipt), pause=BUSY_PAUSE)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this instance's own problem
        await without_answer(service, Waiting(job, receipt), error, draw)
    except BaseException:
        service.inbox.note(replace(job, state=State.QUEUED))
        raise
    else:
        booked_again(service, job, receipt).answered(answer)
        done = replace(job, state=State.DONE, ended_at=datetime.now(UTC), prediction=answer.prediction.id, key=None)
        reply = PredictionReply.of(answer.prediction, answer.manifest, replayed=answer.replayed, where=answer.where, revises=answer.revises)
        await end(service, Waiting(noticed(service, done, reply), receipt))


def check_crashes(job: Job) -> None:
    """Pass, unless the process ended too often in the middle of this one: it may be what ends it.

    Raises:
        CrashedError: It did.
    """
    if job.crashes >= MOST_CRASHES:
        raise CrashedError


async def route(service: Service, job: Job) -> Job:
    """Find out which models take an instance that came before they were known; further ones become jobs of their own.

    Raises:
        UnavailableError: They are not known yet.
        OutOfScopeError: None takes it.
    """
    models = service.fleet.accepts
    if models is None:
        raise UnavailableError(LOADING)
    look = await asyncio.to_thread(look_at, service.inbox.path_of(job), service.gateway.limits, models)
    if look.outside is not None:
        raise look.outside
    first, *rest = (replace(job, model=model) for model in look.fits)
    others = [replace(other, id=new_id()) for other in rest]
    await asyncio.to_thread(service.inbox.share, first, others)
    enter(service, others)
    return first


async def answer_to(service: Service, job: Job) -> Answer:
    """Ask the gateway, as for any film; the bytes in memory are counted with all the others.

    Raises:
        BusyError: There is no room in memory now.
        ErasedError: Whom it names was erased meanwhile: nothing of it is kept.
        UnavailableError: The answer is kept nowhere: the instance is, and can wait.
        StepwedgeError: See `Gateway.predict`.
    """
    urgent = job.priority is Priority.STAT
    with service.admission.seat(urgent=urgent) as seat:
        await seat.wait()
        seat.take(job.size)
        seat.arrived()
        body = await asyncio.to_thread(service.inbox.read, job)
        submission = Submission(
            model=job.model or NOBODY,
            site=job.site,
            caller=job.caller,
            received_at=job.received_at,
            body=body,
            idempotency_key=job.key,
            urgent=urgent,
        )
        answer = await service.gateway.predict(submission, lambda names: check_erasures(service, names, job.received_at))
    if answer.where is Durability.NO:
        raise UnavailableError
    if answer.where is Durability.DATABASE and await service.database.run(lambda connection: sweep(connection, answer.prediction)):
        raise ErasedError
    return answer


async def check_erasures(service: Service, names: Pseudonyms, received_at: datetime) -> None:
    """Pass, unless whom the film names was erased after it had come. While Postgres is away it passes: the spool's drain asks once more.

    Raises:
        ErasedError: It was.
    """
    with suppress(UnavailableError):
        (erased,) = await service.database.run(lambda connection: erased_among(connection, [(names, received_at)]))
        if erased:
            raise ErasedError


async def without_answer(service: Service, waiting: Waiting, error: Exception, draw: Random) -> None:
    """Put the job back if its cause may pass, else end it with the problem."""
    job, kind = waiting.job, kind_of(error)
    if kind is INTERNAL:
        log.error("unexpected_error", kind=type(error).__name__, frames=frames(error))  # a message may quote a tag
    tried = replace(job, state=State.QUEUED, tries=job.tries + 1)
    if may_pass(kind, tried, datetime.now(UTC)):
        with suppress(OSError):
            await asyncio.to_thread(service.inbox.note, tried)
        service.queue.put(Waiting(tried, waiting.receipt), pause=pause_after(tried.tries, draw))
        return
    receipt = waiting.receipt or open_account(service, replace(job, model=None)).receipt
    booked_again(service, job, receipt).unanswered(error)
    if kind.outcome is Outcome.FAILED:
        service.inbox_metrics.give_up(kind.slug)
    failed = replace(
        tried,
        state=State.FAILED,
        ended_at=datetime.now(UTC),
        reason=kind.slug,
        status=kind.status,
        detail=detail_of(error, kind),
        key=None,
    )
    await end(service, Waiting(noticed(service, failed, None), receipt))


def may_pass(kind: Kind, job: Job, now: datetime) -> bool:
    """Whether another try makes sense: for a day where something is away, a few times where we failed, never after a refusal."""
    if kind.outcome is Outcome.REFUSED or job.crashes >= MOST_CRASHES:
        return False
    return now - job.accepted_at < GIVE_UP_AFTER if kind.status in AWAY else job.tries < MOST_TRIES


def pause_after(tries: int, draw: Random) -> timedelta:
    """Wait this long after so many tries: 1 s, doubled each time up to five minutes, give or take a quarter.

    >>> pause_after(1, Random(0)) < pause_after(4, Random(0)) < pause_after(40, Random(0)) < timedelta(minutes=7)
    True
    """
    return timedelta(seconds=min(FIRST_PAUSE_S * 2.0 ** min(tries - 1, 30), LONGEST_PAUSE_S) * draw.uniform(0.75, 1.25))


def noticed(service: Service, job: Job, reply: PredictionReply | None) -> Job:
    """The job with the message of its end, where somebody is to be told."""
    return job if service.settings.results_url is None else replace(job, notice=notice_of(status_of(job), reply))


async def end(service: Service, waiting: Waiting) -> None:
    """Write the end down, and have it told. Where the disk does not take it now, the work is done again: that changes nothing."""
    try:
        await asyncio.to_thread(service.inbox.end, waiting.job)
    except OSError as error:
        log.error("inbox_not_written", kind=type(error).__name__)  # noqa: TRY400 - its class is enough
        again = replace(waiting.job, state=State.QUEUED, ended_at=None, prediction=None, reason=None, notice=None)
        service.queue.put(Waiting(again, waiting.receipt), pause=timedelta(seconds=LONGEST_PAUSE_S))
    else:
        service.journal.add(waiting.job)
