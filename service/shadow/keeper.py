"""Keeper: where a site asks for it, films are kept for retraining as the model saw them, by a thread that nobody waits for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event, Thread
from uuid import UUID

import numpy as np
import structlog
from sqlalchemy import Connection, Engine

from service.errors import UnavailableError
from service.gateway.link import Link
from service.gateway.shown import Shown
from service.shadow.line import Line, Waiting
from service.shadow.metrics import KeptEnd, ShadowMetrics
from service.store.blobs import put_named
from service.store.kept import announce, announced, confirm, name_of, packed, remove_object

PAUSE_S = 0.25
BATCH = 32
MOST_WAITING = 4096

log = structlog.get_logger()


class Keeper:
    """Keeps the input of each film that was answered: an array of numbers, without anything of its header."""

    def __init__(self, engine: Engine, objects: str, metrics: ShadowMetrics, line_bytes: int) -> None:
        """Start the thread."""
        self._link = Link(engine)
        self._objects = objects
        self._metrics = metrics
        self._line = Line(MOST_WAITING, line_bytes)
        self._closing = Event()
        self._thread = Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def see(self, film: Shown) -> None:
        """Keep this film, when there is time and room."""
        if not self._line.put(Waiting(film.prediction.id, "tensor", film.tensor)):
            self._metrics.kept(KeptEnd.SHED)

    def close(self) -> None:
        """Keep what waits, then end."""
        self._closing.set()
        self._thread.join()
        self._link.close()

    def _run(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(PAUSE_S)
            while films := self._line.take(BATCH):
                self._keep(films)

    def _keep(self, films: Sequence[Waiting]) -> None:
        """Announce, write, confirm: whatever breaks off in between leaves no object that nobody knows of."""
        kept, names = 0, [film.prediction for film in films]
        with suppress(Exception):
            kept = self._written(films, self._link.run(lambda connection: told(connection, names)))
        self._metrics.kept(KeptEnd.KEPT, kept)
        self._metrics.kept(KeptEnd.FAILED, len(films) - kept)
        if kept < len(films):
            log.warning("films_not_kept", count=len(films) - kept)

    def _written(self, films: Sequence[Waiting], wanted: set[UUID]) -> int:
        return sum(self._write(film) for film in films if film.prediction in wanted)

    def _write(self, film: Waiting) -> bool:
        content = packed(np.asarray(film.content))
        put_named(self._objects, name_of(film.prediction), content)
        digest = hashlib.sha256(content).digest()
        try:
            stays = self._link.run(lambda connection: confirm(connection, film.prediction, content, digest))
        except UnavailableError:
            return False
        if not stays:
            remove_object(self._objects, name_of(film.prediction))
        return stays


def told(connection: Connection, predictions: Sequence[UUID]) -> set[UUID]:
    """Announce these films; those that may be kept."""
    announce(connection, predictions, datetime.now(UTC))
    return announced(connection, predictions)
