"""Deliver: what lies in the outbox goes to the webhook, under one id however often it is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import httpx
import structlog
from sqlalchemy import Engine

from service.config import Settings
from service.store import outbox
from service.worker.event import CONTENT_TYPE
from service.worker.signature import signing_key, webhook_headers

log = structlog.get_logger(__name__)

TIMEOUT_S = 15.0
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 7200.0
TRIES = 22
"""5 s, doubled up to two hours: the 22nd try comes about a day after the first."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the messages of a kind go. key signs them; without one they are sent unsigned.

    Raises:
        ValueError: the address is not one that HTTP knows, or the secret is not valid.
    """

    url: str
    key: bytes | None = None
    kind: outbox.Kind = outbox.Kind.REMEDY

    def __post_init__(self) -> None:
        address = httpx.URL(self.url)
        if address.scheme not in {"http", "https"} or not address.host:
            raise ValueError("the webhook address must be http:// or https://")

    @classmethod
    def all_of(cls, settings: Settings) -> list[Destination]:
        """Return the configured webhooks; the messages of a kind that has none stay pending."""
        stated = (
            (outbox.Kind.REMEDY, settings.webhook_url, settings.webhook_secret),
            (outbox.Kind.RESULT, settings.results_url, settings.results_secret),
        )
        return [cls(url, signing_key(secret.get_secret_value()) if secret else None, kind) for kind, url, secret in stated if url]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one round did with the rows that were due."""

    delivered: int
    failed: int


def deliver_due(engine: Engine, client: httpx.Client, destination: Destination, now: Callable[[], datetime], draw: Random) -> Delivery:
    """Try every row that is due, each once.

    A row is locked from before it is sent until its outcome is committed, so no other worker sends it at the same time, and a
    worker that dies in between leaves it due. A receiver may therefore see a row twice, and knows it by its webhook-id.
    """
    outcomes: list[bool] = []
    while (outcome := _deliver_one(engine, client, destination, now, draw)) is not None:
        outcomes.append(outcome)
    return Delivery(delivered=outcomes.count(True), failed=outcomes.count(False))


def _deliver_one(engine: Engine, client: httpx.Client, destination: Destination, now: Callable[[], datetime], draw: Random) -> bool | None:
    """Try the row that has been due longest; None when there is none."""
    with engine.begin() as connection:
        waiting = outbox.due(connection, destination.kind, now())
        if not waiting:
            return None
        (message,) = waiting
        trouble = _send(client, destination, message, now())
        if trouble is None:
            outbox.delivered(connection, message.id, now())
        elif message.attempts + 1 >= TRIES:
            outbox.dead(connection, message.id, trouble, now())
        else:
            outbox.failed(connection, message.id, trouble, now() + pause(message.attempts + 1, draw))
    log.info("message delivered" if trouble is None else "message not delivered", kind=destination.kind, attempts=message.attempts + 1)
    return trouble is None


def pause(attempts: int, draw: Random) -> timedelta:
    """Wait this long after so many tries: 5 s, doubled each time up to two hours, give or take a quarter.

    >>> pause(3, Random(0)) < pause(8, Random(0)) < pause(40, Random(0)) < timedelta(hours=2.5)
    True
    """
    longest = min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 30), LONGEST_RETRY_S)
    return timedelta(seconds=longest * draw.uniform(0.75, 1.25))


def _send(client: httpx.Client, destination: Destination, message: outbox.Message, at: datetime) -> str | None:
    """Send a message; None when the receiver has taken it (any 2xx), else in a few words why not. Nothing of an answer's body is read."""
    headers = {"content-type": CONTENT_TYPE, **webhook_headers(str(message.id), at, message.body, destination.key)}
    try:
        with client.stream("POST", destination.url, content=message.body, headers=headers) as response:
            return None if response.is_success else f"HTTP {response.status_code}"
    except httpx.HTTPError as error:
        return type(error).__name__
