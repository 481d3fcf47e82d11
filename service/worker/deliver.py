"""Deliver: what lies in the outbox goes to the webhook, under one id however often it is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

import httpx
import structlog
from sqlalchemy import Connection, Engine

from service.config import Settings
from service.store import outbox
from service.worker.attempt import Trouble, attempt_next
from service.worker.event import CONTENT_TYPE
from service.worker.signature import signing_key, webhook_headers

log = structlog.get_logger(__name__)

TIMEOUT_S = 15.0


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
            (outbox.Kind.RETRAINING, None if settings.retraining_command else settings.webhook_url, settings.webhook_secret),
        )
        return [cls(url, signing_key(secret.get_secret_value()) if secret else None, kind) for kind, url, secret in stated if url]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one round did with the rows that were due."""

    delivered: int
    failed: int


def deliver_due(engine: Engine, client: httpx.Client, destination: Destination, now: Callable[[], datetime], draw: Random) -> Delivery:
    """Try every row that is due, each once. A receiver may see one twice, see `attempt_next`, and knows it by its webhook-id."""
    outcomes: list[bool] = []
    while (outcome := _deliver_one(engine, client, destination, now, draw)) is not None:
        outcomes.append(outcome)
    return Delivery(delivered=outcomes.count(True), failed=outcomes.count(False))


def _deliver_one(engine: Engine, client: httpx.Client, destination: Destination, now: Callable[[], datetime], draw: Random) -> bool | None:
    """Try the row that has been due longest; None when there is none."""

    def send(_connection: Connection, message: outbox.Message) -> Trouble | None:
        return _send(client, destination, message, now())

    attempt = attempt_next(engine, destination.kind, send, now, draw)
    if attempt is None:
        return None
    taken = attempt.trouble is None
    log.info("message delivered" if taken else "message not delivered", kind=destination.kind, attempts=attempt.tries)
    return taken


def _send(client: httpx.Client, destination: Destination, message: outbox.Message, at: datetime) -> Trouble | None:
    """Send a message; None when the receiver has taken it (any 2xx), else in a few words why not. Nothing of an answer's body is read."""
    headers = {"content-type": CONTENT_TYPE, **webhook_headers(str(message.id), at, message.body, destination.key)}
    try:
        with client.stream("POST", destination.url, content=message.body, headers=headers) as response:
            return None if response.is_success else Trouble(f"HTTP {response.status_code}")
    except httpx.HTTPError as error:
        return Trouble(type(error).__name__)
