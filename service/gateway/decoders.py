"""Decoders: threads that prepare films, few at a time, and hand over together what they finished together.

A thread that is busy with pixels gives the interpreter away some forty times a film, and each time whoever waits for it takes it: the
event loop, the model, the recorder, the next film. So only so many films are worked on at once as there are processors to spare, and
while more wait, finished ones are held back for a few milliseconds: they wake the event loop once, and become one batch of the model
and one commit. Nothing is held back for a film that has not come yet, or that waits for something outside.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Condition, Thread, local
from time import perf_counter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from service.errors import UnavailableError
from service.gateway.frame import Codec, EncodedFrame, Words

T = TypeVar("T")

TOGETHER = 4
HOLD_S = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Task(Generic[T]):
    """Work, and the future of whoever waits for it."""

    work: Callable[[], T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: it raised an error, or returned a value."""

    task: Task[Any]
    value: Any = None
    error: BaseException | None = None


class Hand(local):
    """What a thread has finished and not handed over yet, since when, and whether it has one of the places."""

    def __init__(self) -> None:
        self.finished: list[Outcome] = []
        self.since = 0.0
        self.has_place = False


class Decoders:
    """A block with threads. `threads` films may be in work, of which `at_once` are worked on; the others wait for something outside."""

    def __init__(self, threads: int, at_once: int) -> None:
        self._free = at_once
        self._returning = 0
        self._waiting: deque[Task[Any]] = deque()
        self._changed = Condition()
        self._closed = False
        self._hand = Hand()
        self._threads = [Thread(target=self._run, name=f"decoder_{number}", daemon=True) for number in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """What waits is done first."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises in one of the threads; first come, first served.

        Raises:
            UnavailableError: The block has ended.
        """
        loop = asyncio.get_running_loop()
        task: Task[T] = Task(work, loop, loop.create_future())
        with self._changed:
            if self._closed:
                raise UnavailableError
            self._waiting.append(task)
            if self._free:
                self._changed.notify()
        return await task.future

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While the film of this thread waits for something outside, another one is worked on, and nobody waits for what is finished."""
        if not self._hand.has_place:  # no thread of ours
            yield
            return
        self._hand_over()
        self._leave()
        try:
            yield
        finally:
            with self._changed:
                self._returning += 1
                self._changed.wait_for(lambda: self._free)
                self._returning -= 1
                self._free -= 1
            self._hand.has_place = True

    def outside(self, codec: Codec) -> Codec:
        """The codec, which works in a process of its own meanwhile."""

        def decompress(frame: EncodedFrame, /) -> Words:
            with self.aside():
                return codec(frame)

        return decompress

    def _run(self) -> None:
        while (task := self._enter()) is not None:
            try:
                while task is not None:
                    self._do(task)
                    task = self._next()
            finally:
                self._hand_over()
                self._leave()

    def _enter(self) -> Task[Any] | None:
        """Wait for a film and a place; whoever comes back to a film goes first. None: there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: (self._waiting and self._free > self._returning) or (self._closed and not self._waiting))
            if not self._waiting:
                return None
            self._free -= 1
            self._hand.has_place = True
            return self._waiting.popleft()

    def _leave(self) -> None:
        self._hand.has_place = False
        with self._changed:
            self._free += 1
            if self._returning or self._waiting:
                self._changed.notify_all()

    def _next(self) -> Task[Any] | None:
        """Another film without leaving one's place, unless somebody comes back to a film."""
        hand = self._hand
        if len(hand.finished) >= TOGETHER or perf_counter() >= hand.since + HOLD_S:
            self._hand_over()
        with self._changed:
            return self._waiting.popleft() if self._waiting and not self._returning else None

    def _do(self, task: Task[Any]) -> None:
        if task.future.done():  # the caller went away
            return
        try:
            outcome = Outcome(task, value=task.work())
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits; the thread must outlive it
            outcome = Outcome(task, error=error)
        if not self._hand.finished:
            self._hand.since = perf_counter()
        self._hand.finished.append(outcome)

    def _hand_over(self) -> None:
        finished, self._hand.finished = self._hand.finished, []
        for loop in {outcome.task.loop for outcome in finished}:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, [outcome for outcome in finished if outcome.task.loop is loop])


def settle(finished: list[Outcome]) -> None:
    """On the event loop: tell whoever still waits."""
    for outcome in finished:
        future = outcome.task.future
        if future.done():
            continue
        if outcome.error is None:
            future.set_result(outcome.value)
        else:
            future.set_exception(outcome.error)
