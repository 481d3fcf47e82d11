"""Decoders: threads that prepare films, few at a time, and hand over together what they finished together.

A thread that is busy with pixels gives the interpreter away some forty times a film, and each time whoever waits for it takes it: the
event loop, the model, the recorder, the next film. So only so many films are worked on at once as there are processors to spare, and
while more wait, finished ones are held back for a few milliseconds: they wake the event loop once, and become one batch of the model
and one commit. Nothing is held back for a film that has not come yet, or that waits for something outside.

A film that takes long, because it is large or made to be slow, lends its place to those behind it: it holds up nobody and nothing for
more than LONG_S, however long it takes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from threading import Condition, Thread, local
from time import perf_counter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from service.errors import UnavailableError
from service.gateway.frame import Codec, EncodedFrame, Words
from service.gateway.line import Line

T = TypeVar("T")

TOGETHER = 4
HOLD_S = 0.02
LONG_S = 0.2
"""Some ten times what a film of usual size takes."""


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


@dataclass(slots=True, eq=False)
class Hand:
    """What a thread has finished and not handed over yet and since when; whether it has one of the places; since when it is at its film."""

    finished: deque[Outcome] = field(default_factory=deque)
    since: float = 0.0
    has_place: bool = False
    began: float = inf


class Decoders:
    """A block with threads. `threads` films may be in work, of which `at_once` are worked on; the others wait for something outside."""

    def __init__(self, threads: int, at_once: int) -> None:
        self._free = at_once
        self._returning = 0
        self._waiting: Line[Task[Any]] = Line()
        self._changed = Condition()
        self._closed = False
        self._own = local()
        self._hands: list[Hand] = []
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

    async def run(self, work: Callable[[], T], *, urgent: bool = False) -> T:
        """What `work` returns or raises in one of the threads; first come, first served, and urgent work before all other.

        Raises:
            UnavailableError: The block has ended.
        """
        loop = asyncio.get_running_loop()
        task: Task[T] = Task(work, loop, loop.create_future())
        with self._changed:
            if self._closed:
                raise UnavailableError
            self._waiting.append(task, urgent=urgent)
            if self._free or len(self._waiting) == 1:
                self._changed.notify()  # to take it, or to look for a place for it
        try:
            return await task.future
        finally:
            del task, work  # an error remembers this frame, and the future the error: the film would stay until the next collection

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While the film of this thread waits for something outside, another one is worked on, and nobody waits for what is finished."""
        hand: Hand | None = getattr(self._own, "hand", None)
        if hand is None or not hand.has_place:  # no thread of ours, or its place is lent already
            yield
            return
        hand_over(hand)
        self._leave(hand)
        try:
            yield
        finally:
            with self._changed:
                self._returning += 1
                self._wait_for(lambda: self._free > 0)
                self._returning -= 1
                self._take_place(hand)

    def outside(self, codec: Codec) -> Codec:
        """The codec, which works in a process of its own meanwhile."""

        def decompress(frame: EncodedFrame, /) -> Words:
            with self.aside():
                return codec(frame)

        return decompress

    def _run(self) -> None:
        hand = self._own.hand = Hand()
        with self._changed:
            self._hands.append(hand)
        while (task := self._enter(hand)) is not None:
            try:
                while task is not None:
                    do(task, hand)
                    task = self._next(hand)
            finally:
                hand_over(hand)
                self._leave(hand)

    def _enter(self, hand: Hand) -> Task[Any] | None:
        """Wait for a film and a place; whoever comes back to a film goes first. None: there will be no more."""
        with self._changed:
            self._wait_for(lambda: (self._waiting and self._free > self._returning) or (self._closed and not self._waiting))
            if not self._waiting:
                return None
            self._take_place(hand)
            task = self._waiting.popleft()
            if self._waiting:
                self._changed.notify()
            return task

    def _wait_for(self, ready: Callable[[], object]) -> None:
        """While somebody waits for a place, look for one that can be lent."""
        while not ready():
            crowded = bool(self._waiting or self._returning)
            self._changed.wait(LONG_S if crowded else None)
            if crowded:
                self._lend()

    def _lend(self) -> None:
        """Free the place of each film that takes long, and hand over what was finished before it."""
        late = perf_counter() - LONG_S
        for hand in self._hands:
            if hand.has_place and hand.began < late:
                hand.has_place = False
                self._free += 1
                hand_over(hand)

    def _take_place(self, hand: Hand) -> None:
        self._free -= 1
        hand.has_place, hand.began = True, perf_counter()

    def _leave(self, hand: Hand) -> None:
        with self._changed:
            self._free += hand.has_place
            hand.has_place = False
            if self._returning or self._waiting:
                self._changed.notify_all()

    def _next(self, hand: Hand) -> Task[Any] | None:
        """Another film without leaving one's place, unless that is lent or somebody comes back to a film."""
        now = perf_counter()
        if len(hand.finished) >= TOGETHER or now >= hand.since + HOLD_S:
            hand_over(hand)
        with self._changed:
            hand.began = now
            return self._waiting.popleft() if self._waiting and hand.has_place and not self._returning else None


def do(task: Task[Any], hand: Hand) -> None:
    """The work of one film."""
    if task.future.done():  # the caller went away
        return
    try:
        outcome = Outcome(task, value=task.work())
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits; the thread must outlive it
        outcome = Outcome(task, error=error)
    if not hand.finished:
        hand.since = perf_counter()
    hand.finished.append(outcome)
    del task, outcome  # see Decoders.run


def hand_over(hand: Hand) -> None:
    """Tell the event loops what is finished; two threads may do so at once, and each outcome is told once."""
    finished: list[Outcome] = []
    with suppress(IndexError):
        while True:
            finished.append(hand.finished.popleft())
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
