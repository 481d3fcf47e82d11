"""The films of a day on their way: drawn by a few threads while others wait for answers, over connections that are kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx

from service.demo.film import film_of
from service.demo.population import Study
from service.errors import SetupError

CONNECTIONS = 4
TRIES = 8
LATER = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.NOT_FOUND}
"""Answers that may become better: a gateway hears of a new model within a second or two."""


class Stream:
    """Sends the films of studies to one model of one gateway, several at a time."""

    def __init__(self, address: str, model: str) -> None:
        self._path = f"/v1/models/{model}/predictions"
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self._client = httpx.Client(base_url=address, timeout=30.0, limits=limits)
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="demo-film")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._client.close()

    def send(self, studies: Sequence[Study]) -> list[Future[UUID]]:
        """Begin to send; each future is the id of a study's prediction."""
        return [self._threads.submit(self._send, study) for study in studies]

    def _send(self, study: Study) -> UUID:
        headers = {
            "Content-Type": "application/dicom",
            "Stepwedge-Site": study.site,
            "Stepwedge-Received-At": study.received_at.isoformat(),
        }
        film = film_of(study)
        for attempt in range(TRIES):
            reply = self._client.post(self._path, content=film, headers=headers)
            if reply.status_code not in LATER:
                break
            time.sleep(min(float(reply.headers.get("Retry-After", 1)), 2.0**attempt))
        if reply.status_code != httpx.codes.OK:
            raise SetupError(
                f"The gateway answered a demo film with {reply.status_code}; the demo needs one that is its own (STEPWEDGE_REPLAY_CLOCK=true)."
            )
        return UUID(reply.json()["id"])
