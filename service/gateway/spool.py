"""Spool: where answers are durable while Postgres is away. One thread writes; those who wait together share one fsync."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import time
from typing import Final
from uuid import UUID

from service.domain import Durability, Prediction, Recorded, Refusal
from service.errors import ConflictError, SpoolError
from service.gateway.entry import Entry, read_entry, write_entry
from service.gateway.segment import HEAD, scan
from service.gateway.shelf import Place, Shelf, adoptable, number_of
from service.gateway.spooled import Index, Spooled, read_at
from service.store.claims import keys_of

LARGEST_GROUP: Final = 500
REFUSALS_SHARE: Final = 0.5
"""Of the limit: a flood of refusals must not take the room of answers."""

Answer = Recorded | ConflictError | SpoolError


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """An entry and whom to tell."""

    entry: Entry
    tell: Callable[[Answer | None], None]


@dataclass(slots=True)
class Held:
    """What one segment holds."""

    size: int = 0
    records: int = 0


class Spool:
    """The shelf of this process and those that it adopted, bounded in bytes; each with what it holds."""

    def __init__(self, root: Path, process: UUID, *, limit: int) -> None:
        """Nothing is touched before `open`."""
        self.root = root
        self.limit = limit
        self._process = process
        self._guard = Lock()
        self._index = Index()
        self._held: dict[Path, Held] = {}
        self._own: Shelf | None = None
        self._failing = False
        self._adopted: list[Shelf] = []
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="spool", daemon=True)

    def open(self) -> None:
        """Adopt what dead processes left, and start to take entries. A disk that is away now may be there later."""
        self.adopt()
        self._thread.start()

    @property
    def empty(self) -> bool:
        return not self._held

    @property
    def has_room(self) -> bool:
        """Whether it would take an answer, as far as is known."""
        return not self._failing and self.bytes_held < self.limit

    @property
    def bytes_held(self) -> int:
        with self._guard:
            return sum(held.size for held in self._held.values())

    @property
    def records_held(self) -> int:
        with self._guard:
            return sum(held.records for held in self._held.values())

    def age(self) -> float:
        """Seconds since the oldest segment was begun; 0 when there is none."""
        with self._guard:
            oldest = min(map(number_of, self._held), default=0)
        return max(0.0, time() - oldest / 1e9) if oldest else 0.0

    async def keep(self, prediction: Prediction, patience: float) -> Recorded:
        """Make a prediction durable here, or find the first answer under its keys.

        Raises:
            ConflictError: Other content lies here under one of its keys.
            SpoolError: The spool is full, or its disk does not take it within our patience.
        """
        answer = await self._put(prediction, patience)
        if not isinstance(answer, Recorded):
            raise answer or SpoolError()
        return answer

    async def add(self, refusals: Sequence[Refusal], patience: float) -> None:
        """Make refusals durable here.

        Raises:
            SpoolError: Some of them are not; to store one twice is harmless.
        """
        answers = await asyncio.gather(*(self._put(refusal, patience) for refusal in refusals))
        if any(answer is not None for answer in answers):
            raise SpoolError

    async def find(self, prediction: Prediction) -> Recorded | None:
        """The first answer under the keys of this film, if it lies here.

        Raises:
            ConflictError: It does, with other content.
        """
        with self._guard:
            found = self._index.earlier(prediction)
        return None if found is None else await asyncio.to_thread(self._answer, prediction, found)

    async def recall(self, identifier: UUID) -> Prediction | None:
        """The prediction of this id, if it lies here."""
        with self._guard:
            found = self._index.by_id.get(identifier)
        return None if found is None else await asyncio.to_thread(read_at, found.place)

    def adopt(self) -> int:
        """Take over the shelves of dead processes, and index what lies on them; how many they were."""
        held = frozenset(shelf.process for shelf in self._shelves())
        found = list(adoptable(self.root, held)) if self.root.is_dir() else []
        for shelf in found:
            segments = shelf.sealed()
            for segment in segments:
                self._take_in(segment)
            if segments:
                self._adopted.append(shelf)
            else:
                shelf.close()
        return len(found)

    def oldest(self) -> tuple[Shelf, Path] | None:
        """The segment to drain next: what others left first, then ours, oldest first; ours takes no more entries from then on."""
        for shelf in self._adopted:
            for segment in shelf.sealed():
                return shelf, segment
        if self._own is not None:
            self._own.seal()
            for segment in self._own.sealed():
                return self._own, segment
        return None

    def remove(self, shelf: Shelf, segment: Path) -> None:
        """All records of a segment are committed."""
        shelf.remove(segment)
        with self._guard:
            self._held.pop(segment, None)
            self._index.forget(segment)
        if shelf is not self._own and not shelf.sealed():
            self._adopted.remove(shelf)
            shelf.close()

    async def close(self, patience: float) -> None:
        """Write what waits; what is not drained stays for whoever starts next."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, patience)
        for shelf in self._shelves():
            shelf.close()

    def _shelves(self) -> list[Shelf]:
        return [*self._adopted, *([] if self._own is None else [self._own])]

    async def _put(self, entry: Entry, patience: float) -> Answer | None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer | None] = loop.create_future()

        def tell(answer: Answer | None) -> None:
            loop.call_soon_threadsafe(settle, future, answer)

        self._queue.put(Waiting(entry, tell))
        try:
            async with asyncio.timeout(patience):
                return await future
        except TimeoutError:
            return SpoolError()

    def _work(self) -> None:
        running = True
        while running:
            group, running = self._gather()
            for waiting, answer in self._settle(group):
                try:
                    waiting.tell(answer)
                except RuntimeError:  # the event loop is closed: nobody waits any more
                    continue

    def _gather(self) -> tuple[list[Waiting], bool]:
        """Wait for one, then take all that are there. False: the end of the queue was among them."""
        group: list[Waiting] = []
        waiting = self._queue.get()
        while waiting is not None:
            group.append(waiting)
            if len(group) >= LARGEST_GROUP:
                return group, True
            try:
                waiting = self._queue.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _settle(self, group: Sequence[Waiting]) -> Iterator[tuple[Waiting, Answer | None]]:
        """Judge each, write those that are new, and say what became of each. The thread outlives any disk."""
        fresh: list[tuple[Waiting, bytes]] = []
        again: list[Waiting] = []
        ours: set[bytes] = set()
        room = self.limit - self.bytes_held
        for waiting in group:
            keys = keys_of(waiting.entry) if isinstance(waiting.entry, Prediction) else ()
            if any(key in self._index.by_key or key in ours for key in keys):
                again.append(waiting)
                continue
            payload = write_entry(waiting.entry)
            room -= HEAD.size + len(payload)
            if room < (0 if keys else self.limit * (1 - REFUSALS_SHARE)):
                room += HEAD.size + len(payload)
                yield waiting, SpoolError()
                continue
            ours.update(keys)
            fresh.append((waiting, payload))
        yield from self._written(fresh)
        for waiting in again:
            if isinstance(waiting.entry, Prediction):
                yield waiting, self._verdict(waiting.entry)

    def _written(self, fresh: Sequence[tuple[Waiting, bytes]]) -> list[tuple[Waiting, Answer | None]]:
        if not fresh:
            return []
        try:
            if self._own is None:
                self._own = Shelf.own(self.root, self._process)
            places = self._own.append([payload for _, payload in fresh])
            self._failing = False
        except OSError:
            self._failing = True
            return [(waiting, SpoolError()) for waiting, _ in fresh]
        with self._guard:
            for (waiting, _), place in zip(fresh, places, strict=True):
                self._count(waiting.entry, place)
        return [(waiting, kept(waiting.entry)) for waiting, _ in fresh]

    def _verdict(self, prediction: Prediction) -> Answer:
        """Under a key that is here: the first answer, or why not."""
        with self._guard:
            found = self._index.earlier(prediction)
        if found is None:
            return SpoolError()
        try:
            return self._answer(prediction, found) or SpoolError()
        except ConflictError as error:
            return error

    def _answer(self, prediction: Prediction, found: Spooled) -> Recorded | None:
        if found.content != prediction.content:
            raise ConflictError
        first = read_at(found.place)
        return None if first is None else Recorded(first, replayed=first.id != prediction.id, where=Durability.SPOOL)

    def _take_in(self, segment: Path) -> None:
        data = segment.read_bytes()
        with self._guard:
            self._held.setdefault(segment, Held())
            for record in scan(data).records:
                try:
                    entry = read_entry(record.payload)
                except ValueError:
                    continue
                self._count(entry, Place(segment, record.begin, record.end))

    def _count(self, entry: Entry, place: Place) -> None:
        held = self._held.setdefault(place.segment, Held())
        held.size += place.end - place.begin
        held.records += 1
        if isinstance(entry, Prediction):
            self._index.add(entry, place)


def settle(future: asyncio.Future[Answer | None], answer: Answer | None) -> None:
    """On the event loop: hand over the answer, unless whoever waited has given up."""
    if not future.done():
        future.set_result(answer)


def kept(entry: Entry) -> Recorded | None:
    return Recorded(entry, replayed=False, where=Durability.SPOOL) if isinstance(entry, Prediction) else None
