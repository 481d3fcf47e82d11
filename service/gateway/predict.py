"""Inference with dynamic batching: one thread owns the model, takes what is waiting, and never waits for more."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from service.domain import Scores
from service.errors import InferenceError, StepwedgeError, UnavailableError
from service.gateway.line import Line
from service.models.loading import LoadedModel

CLOSED = "The model is being taken out of service; try again shortly."


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    film: NDArray[np.float32]
    urgent: bool
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Scores]


Outcome = Scores | StepwedgeError


class Predictor:
    """Answers films for many callers by one model.

    While the model works, films queue up; when it is free it takes up to `batch_size` of them at once. An idle model
    takes the first film at once, so batching costs no latency.
    """

    def __init__(
        self, model: LoadedModel, *, batch_size: int = 16, threads: int = 1, on_batch: Callable[[int], None] = lambda _films: None
    ) -> None:
        """Nothing runs before `start`.

        Args:
            model: The model; only the predictor's thread calls it.
            batch_size: Largest batch.
            threads: torch's threads inside one batch; the setting holds for the whole process.
            on_batch: Told the size of each batch.
        """
        self.model = model
        self._batch_size = batch_size
        self._threads = threads
        self._on_batch = on_batch
        self._arrived: deque[_Waiting] = deque()
        self._expected: asyncio.AbstractEventLoop | None = None
        self._queue: SimpleQueue[Sequence[_Waiting] | None] = SimpleQueue()
        self._rest: Line[_Waiting] = Line()
        self._door = Lock()
        self._open = False
        self._thread: Thread | None = None

    def start(self) -> None:
        """Warm the model up and take films."""
        torch.set_num_threads(self._threads)
        self._warm_up()
        self._open = True
        self._thread = Thread(target=self._run, name="predictor", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer what is waiting, then stop. Later callers get UnavailableError."""
        self._hand_over()
        with self._door:
            if self._open:
                self._open = False
                self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def predict(self, film: NDArray[np.float32], *, urgent: bool = False) -> Scores:
        """Scores of one preprocessed film [1, rows, columns]; an urgent one goes before those that wait.

        Raises:
            InferenceError: The model failed on this film's batch, or its scores for this film are not finite.
            UnavailableError: The predictor is not running.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Scores] = loop.create_future()
        if not self._open:
            raise UnavailableError(CLOSED)
        self._arrived.append(_Waiting(film, urgent, loop, future))
        if self._expected is not loop:
            self._expected = loop
            loop.call_soon(self._hand_over)
        try:
            return await future
        finally:
            del future  # an error remembers this frame, and the future the error: the film would stay until the next collection

    def _hand_over(self) -> None:
        """After all that the event loop has in hand, so that films that came together are one batch."""
        self._expected = None
        with self._door:
            films = [self._arrived.popleft() for _ in range(len(self._arrived))]
            if self._open and films:
                self._queue.put(films)
                return
        _deliver(films, [UnavailableError(CLOSED) for _ in films])

    def _warm_up(self) -> None:
        preprocessing = self.model.manifest.preprocessing
        for films in {1, self._batch_size}:
            self.model(np.zeros((films, 1, preprocessing.rows, preprocessing.columns), np.float32))

    def _run(self) -> None:
        while batch := self._take():
            self._on_batch(len(batch))
            _deliver(batch, self._answer(batch))

    def _take(self) -> Sequence[_Waiting]:
        """The films that wait now, at least one; none when the predictor is closed and everything is answered."""
        while not self._rest:
            films = self._queue.get()
            if films is None:
                return ()
            self._line_up(films)
        while not self._queue.empty():
            films = self._queue.get()
            if films is None:
                self._queue.put(None)
                break
            self._line_up(films)
        return [self._rest.popleft() for _ in range(min(len(self._rest), self._batch_size))]

    def _line_up(self, films: Sequence[_Waiting]) -> None:
        for film in films:
            self._rest.append(film, urgent=film.urgent)

    def _answer(self, batch: Sequence[_Waiting]) -> Sequence[Outcome]:
        try:
            logits, embedding = self.model(np.stack([waiting.film for waiting in batch]))
        except (InferenceError, ValueError):  # ValueError: films of different shapes
            return [InferenceError() for _ in batch]
        finite = np.isfinite(logits).all(axis=1) & np.isfinite(embedding).all(axis=1)
        return [Scores(logits[row], embedding[row]) if finite[row] else InferenceError() for row in range(len(batch))]


def _deliver(batch: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    """Hand the outcomes to the callers' event loops, each loop woken once."""
    for loop in {waiting.loop for waiting in batch}:
        futures = [(waiting.future, outcome) for waiting, outcome in zip(batch, outcomes, strict=True) if waiting.loop is loop]
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, futures)


def _settle(futures: Sequence[tuple[asyncio.Future[Scores], Outcome]]) -> None:
    for future, outcome in futures:
        if future.done():  # the caller went away
            continue
        if isinstance(outcome, StepwedgeError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
