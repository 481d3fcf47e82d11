"""The films of a day on their way: drawn by a few threads while others wait for answers, over connections that are kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx

from service.demo.film import film_of
from service.demo.population import Study
from service.errors import SetupError

CONNECTIONS = 4
PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
LONGEST_PAUSE_S = 8.0
LATER = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.NOT_FOUND}
"""Answers that may become better: a gateway hears of a new model within a second or two."""


class Stream:
    """Sends the films of studies to one model of one gateway, several at a time."""

    def __init__(self, address: str, model: str, authorization: Mapping[str, str]) -> None:
        self._path = f"/v1/models/{model}/predictions"
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self._client = httpx.Client(base_url=address, headers=authorization, timeout=30.0, limits=limits)
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
        reply = self._answer(film_of(study), headers)
        if reply.status_code != httpx.codes.OK:
            raise SetupError(
                f"The gateway answered a demo film with {reply.status_code}; the demo needs one that plays along (STEPWEDGE_REPLAY_CLOCK=true), "
                "and a key with all roles (STEPWEDGE_API_KEY)."
            )
        return UUID(reply.json()["id"])

    def _answer(self, film: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """The reply that stays: what may become better is asked again, since a film that is sent twice is one film."""
        for pause in PAUSES_S:
            wait = pause
            try:
                reply = self._client.post(self._path, content=film, headers=headers)
            except httpx.TransportError:
                # It restarts, or has more to do than it can; the next try will tell.
                reply = None
            if reply is not None:
                if reply.status_code not in LATER:
                    return reply
                wait = min(float(reply.headers.get("Retry-After", pause)), LONGEST_PAUSE_S)
            time.sleep(wait)
        raise SetupError("The gateway does not answer the demo's films any more. Started again, the demo goes on where it stopped.")
