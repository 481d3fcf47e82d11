"""Record: the predictions that wait now become durable in one commit, then each is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread
from uuid import UUID

from sqlalchemy import Connection, Engine

from service.domain import Prediction, Recorded
from service.errors import ConflictError, StepwedgeError, UnavailableError
from service.gateway.hourglass import Hourglass
from service.gateway.link import Link
from service.store.aftermath import NOBODY
from service.store.predictions import record_alone

LARGEST_GROUP = 500
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Waiter:
    """A prediction and the future of whoever waits for its commit."""

    prediction: Prediction
    future: asyncio.Future[Recorded]


class Recorder:
    """One thread, one connection, one transaction at a time: while it commits, the next group gathers."""

    def __init__(self, engine: Engine, *, patience: float = PATIENCE_S, process: UUID = NOBODY) -> None:
        self._process = process
        self._waiting: set[Waiter] = set()
        self._link = Link(engine)
        self._patience = patience
        self._patiences = Hourglass(patience, self._lose_patience)
        self._arrived: list[Waiter] = []
        self._queue: SimpleQueue[Sequence[Waiter] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    async def record(self, prediction: Prediction) -> Recorded:
        """Store a prediction, or find the first answer under its key.

        Raises:
            ConflictError: The key, or the instance, came before with other content.
            UnavailableError: No commit was seen within the recorder's patience. Should it have taken place all the same,
                a retry finds it: no prediction is stored twice.
        """
        waiter = Waiter(prediction, self._loop.create_future())
        self._waiting.add(waiter)
        if not self._arrived:
            self._loop.call_soon(self._hand_over)
        self._arrived.append(waiter)
        self._patiences.start(waiter)
        try:
            return await waiter.future
        finally:
            self._patiences.stop(waiter)
            self._waiting.discard(waiter)

    def _lose_patience(self, waiter: Waiter) -> None:
        resolve([(waiter, UnavailableError())])
        self._link.cut(after=self._patience / 2)

    def give_up(self) -> None:
        """Postgres is found to be away: nobody waits longer for it. What is being committed may be stored all the same."""
        resolve([(waiter, UnavailableError()) for waiter in self._waiting])
        self._link.cut(after=self._patience / 2)

    def _hand_over(self) -> None:
        """After all that the event loop has in hand, so that those who came together share a commit."""
        if self._arrived:
            self._queue.put(self._arrived)
            self._arrived = []

    async def close(self) -> None:
        """Commit what waits, then end the thread; a commit that hangs is cut."""
        self._hand_over()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, self._patience)
        self._link.cut(after=0.0)
        await asyncio.to_thread(self._thread.join, self._patience)

    def _work(self) -> None:
        running = True
        while running:
            group, running = self._gather()
            if group:
                self._settle(group)
        self._link.close()

    def _gather(self) -> tuple[list[Waiter], bool]:
        """Wait for some, then take all that are there. False: the end of the queue was among them."""
        group: list[Waiter] = []
        waiters = self._queue.get()
        while waiters is not None:
            # Whoever gave up has been told that nothing was stored; let that stay true where it still can.
            group.extend(waiter for waiter in waiters if not waiter.future.done())
            if len(group) >= LARGEST_GROUP:
                return group, True
            try:
                waiters = self._queue.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _settle(self, group: Sequence[Waiter]) -> None:
        """Commit a group; where the group as a whole is not storable, each alone, so that one bad row fails only itself."""
        try:
            answers = self._commit(group)
        except UnavailableError as error:
            self._tell([(waiter, error) for waiter in group])
        except Exception as error:  # noqa: BLE001 - the thread must outlive any row; the error goes to whoever waits
            if len(group) == 1:
                self._tell([(group[0], error)])
            else:
                for waiter in group:
                    self._settle([waiter])
        else:
            self._tell(list(zip(group, answers, strict=True)))

    def _commit(self, group: Sequence[Waiter]) -> list[Recorded | ConflictError]:
        predictions = [waiter.prediction for waiter in group]
        answers = self._link.run(storing(predictions, self._process))
        return [own(prediction, answer) for prediction, answer in zip(predictions, answers, strict=True)]

    def _tell(self, answers: Sequence[tuple[Waiter, Recorded | BaseException]]) -> None:
        try:
            self._loop.call_soon_threadsafe(resolve, answers)
        except RuntimeError:
            # The event loop is closed: nobody waits any more.
            return


def storing(predictions: Sequence[Prediction], process: UUID) -> Callable[[Connection], Sequence[Recorded | ConflictError]]:
    """The transaction that stores these predictions."""

    def work(connection: Connection) -> Sequence[Recorded | ConflictError]:
        return record_alone(connection, predictions, process)

    return work


def own(prediction: Prediction, answer: Recorded | ConflictError) -> Recorded | ConflictError:
    """After a commit whose outcome was lost, the second try finds its own row: that is a first answer, not a replay."""
    if isinstance(answer, StepwedgeError) or answer.prediction.id != prediction.id:
        return answer
    return replace(answer, replayed=False)


def resolve(answers: Sequence[tuple[Waiter, Recorded | BaseException]]) -> None:
    """On the event loop: hand each waiter its answer, unless it has given up."""
    for waiter, answer in answers:
        if waiter.future.done():
            continue
        if isinstance(answer, BaseException):
            waiter.future.set_exception(answer)
        else:
            waiter.future.set_result(answer)
