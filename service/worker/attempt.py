"""Attempt: one try to deliver one message of the outbox, and when the next one is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import Connection, Engine

from service.store import outbox

FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 7200.0
TRIES = 22
"""5 s, doubled up to two hours: the 22nd try comes about a day after the first."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a message was not taken, in a few words that quote nobody. tries: how many failed ones are enough to give it up."""

    reason: str
    tries: int = TRIES


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that was made. trouble: None where the message was taken; tries: how many there were, this one included."""

    trouble: Trouble | None
    tries: int


Send = Callable[[Connection, outbox.Message], Trouble | None]
"""Tries to deliver; None once the receiver has taken the message."""


def attempt_next(
    engine: Engine,
    kind: outbox.Kind,
    send: Send,
    now: Callable[[], datetime],
    draw: Random,
    *,
    longest_s: float = LONGEST_RETRY_S,
    keep: bool = True,
) -> Attempt | None:
    """Try the message that has been due longest; None where none is due. Without `keep` nothing is left of one that was taken.

    A row is locked from before it is sent until its outcome is committed, so no other process sends it at the same time, and one
    that dies in between leaves it due.
    """
    with engine.begin() as connection:
        waiting = outbox.due(connection, kind, now())
        if not waiting:
            return None
        (message,) = waiting
        trouble = send(connection, message)
        if trouble is None and keep:
            outbox.delivered(connection, message.id, now())
        elif trouble is None:
            outbox.remove(connection, message.id)
        elif message.attempts + 1 >= trouble.tries:
            outbox.dead(connection, message.id, trouble.reason, now())
        else:
            outbox.failed(connection, message.id, trouble.reason, now() + pause(message.attempts + 1, draw, longest_s))
    return Attempt(trouble, message.attempts + 1)


def pause(attempts: int, draw: Random, longest_s: float = LONGEST_RETRY_S) -> timedelta:
    """Wait this long after so many tries: 5 s, doubled each time up to the longest, give or take a quarter.

    >>> pause(3, Random(0)) < pause(8, Random(0)) < pause(40, Random(0)) < timedelta(hours=2.5)
    True
    """
    return timedelta(seconds=min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 30), longest_s) * draw.uniform(0.75, 1.25))
