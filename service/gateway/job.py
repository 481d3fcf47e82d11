"""Job: one instance that one model is to answer later, and how far that is. It names nobody; the instance itself lies in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from service.store.ids import uuid7


class Priority(StrEnum):
    """How urgent an instance is."""

    STAT = "stat"
    ROUTINE = "routine"


class State(StrEnum):
    """How far a job is. Done and failed are its ends."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One accepted request.

    instance: name of the file that holds the instance; several models may be asked about one.
    model: None until it is known which models take the instance.
    batch, part: the transaction that brought it, and its place in there, counted from 1.
    size: bytes of the instance.
    tries: times that the work was begun and ended without an answer; crashes: times that the process ended in the middle of it.
    prediction: where the answer is; reason, status, detail: slug, HTTP status and text of the problem instead.
    notice: body of the message that tells of the end, and whether one is to be sent at all.
    """

    id: UUID
    batch: UUID
    part: int
    instance: UUID
    model: str | None
    site: str
    caller: str
    received_at: datetime
    accepted_at: datetime
    size: int
    priority: Priority = Priority.ROUTINE
    key: str | None = None
    state: State = State.QUEUED
    tries: int = 0
    crashes: int = 0
    ended_at: datetime | None = None
    prediction: UUID | None = None
    reason: str | None = None
    status: int | None = None
    detail: str | None = None
    notice: str | None = None

    @property
    def ended(self) -> bool:
        return self.ended_at is not None


def new_id() -> UUID:
    """An id of now."""
    return uuid7(datetime.now(UTC))


def write_job(job: Job) -> bytes:
    """The job as JSON."""
    return json.dumps({name: value for name, value in asdict(job).items() if value is not None}, default=_spelled).encode()


def read_job(text: bytes) -> Job:
    """The job that was written.

    >>> now = datetime(2026, 3, 2, tzinfo=UTC)
    >>> job = Job(uuid7(now), uuid7(now), 1, uuid7(now), "chest", "main", "pacs", now, now, 4096)
    >>> read_job(write_job(job)) == job
    True

    Raises:
        ValueError: This is no job.
    """
    known = {field.name for field in fields(Job)}
    try:
        values = {name: value for name, value in json.loads(text).items() if name in known}
        for name, read in READERS.items():
            if values.get(name) is not None:
                values[name] = read(values[name])
        return Job(**{"model": None, **values})
    except (AttributeError, TypeError, KeyError) as error:
        raise ValueError("no job") from error


READERS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("id", "batch", "instance", "prediction"), UUID),
    **dict.fromkeys(("received_at", "accepted_at", "ended_at"), datetime.fromisoformat),
    "priority": Priority,
    "state": State,
}


def _spelled(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
