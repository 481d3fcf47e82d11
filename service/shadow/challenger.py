"""Challenger: one version that predicts in the champion's shadow, by a thread of its own that feeds a process of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import numpy as np
import structlog
from sqlalchemy import Engine

from service.domain import ModelVersion
from service.gateway.link import Link
from service.gateway.shown import Shown
from service.models.manifest import parse_manifest
from service.models.sameness import same_input
from service.shadow.companion import Companion, EndedError
from service.shadow.line import Line, Waiting
from service.shadow.metrics import End, ShadowMetrics
from service.store.objects import fetch_folder
from service.store.shadow_predictions import Shadow, record_shadows

PAUSE_S = 0.05
"""Films that come meanwhile are one batch; and the thread wakes at most so often, however many come."""
BATCH = 16
MOST_WAITING = 4096
FIRST_REST_S, LONGEST_REST_S = 10.0, 3600.0
"""After the process ended by itself or hung, before it is started again; each time twice as long."""
PATIENCE = 200
"""Films in a row that come to nothing, before the challenger is put away too."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one challenger may use: bytes of films that wait, bytes of memory beside Python's, processor seconds of a batch."""

    line_bytes: int
    memory_bytes: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Stage:
    """What every challenger needs: where to store, the object folder with the packages, what counts, what each may use."""

    engine: Engine
    objects: str
    metrics: ShadowMetrics
    bounds: Bounds


class Challenger:
    """A version in shadow. Whatever happens to it is counted and harms nobody."""

    def __init__(self, version: ModelVersion, stage: Stage) -> None:
        """Start the thread; the process starts in it.

        Raises:
            PackageError: The registered manifest cannot be read.
        """
        self.version = version
        self._manifest = parse_manifest(version.manifest)
        self._objects = stage.objects
        self._store = storing(stage.engine)
        self._metrics = stage.metrics
        self._bounds = stage.bounds
        self._line = Line(MOST_WAITING, stage.bounds.line_bytes)
        self._companion: Companion | None = None
        self._vain = 0
        self._rest = FIRST_REST_S
        self._closing = Event()
        self._metrics.introduce(version.model, version.version)
        self._thread = Thread(target=self._run, name=f"shadow_{version.id}", daemon=True)
        self._thread.start()

    def see(self, film: Shown) -> None:
        """Let it predict this film too, when there is time."""
        waiting = self._waiting(film)
        if waiting is None:
            self._count(End.UNFIT)
        elif not self._line.put(waiting):
            self._count(End.SHED)

    def stop(self) -> None:
        """Predict nothing more."""
        self._closing.set()
        if (companion := self._companion) is not None:
            companion.stop()

    def join(self) -> None:
        """Wait until the thread has ended, after `stop`."""
        self._thread.join()
        self._metrics.forget(self.version.model, self.version.version)

    def _waiting(self, film: Shown) -> Waiting | None:
        """What it needs of the film: the champion's tensor where that is its own input too, else the film as it came; None: neither is there."""
        if same_input(film.manifest, self._manifest) or (film.body is None and film.tensor.shape[1:] == self._side):
            return Waiting(film.prediction.id, "tensor", film.tensor)
        return None if film.body is None else Waiting(film.prediction.id, "dicom", film.body)

    @property
    def _side(self) -> tuple[int, int]:
        return self._manifest.preprocessing.rows, self._manifest.preprocessing.columns

    def _run(self) -> None:
        while not self._closing.is_set():
            with TemporaryDirectory(prefix="stepwedge-shadow-") as place:
                self._live(Path(place))
            if not self._closing.wait(self._rest):
                self._rest = min(2 * self._rest, LONGEST_REST_S)

    def _live(self, place: Path) -> None:
        """The life of one process, until it ends or is ended."""
        name, version = self.version.model, self.version.version
        try:
            self._companion = self._started(place)
            self._companion.until_ready()
            self._metrics.up(name, version)
            log.info("challenger_in_shadow", model=name, version=version)
            while not self._closing.wait(PAUSE_S):
                self._work(self._companion)
        except Exception as error:  # noqa: BLE001 - nothing that a challenger does may end more than itself
            if not self._closing.is_set():
                log.warning("challenger_put_away", model=name, version=version, kind=type(error).__name__, seconds=self._rest)
        finally:
            self._metrics.down(name, version)
            companion, self._companion = self._companion, None
            if companion is not None:
                companion.end()

    def _started(self, place: Path) -> Companion:
        folder = fetch_folder(self._objects, self.version.package, place / "package")
        (folder / "registered.json").write_text(json.dumps(dict(self.version.manifest)))
        arguments = (str(folder), str(self._bounds.memory_bytes), str(self._bounds.seconds))
        return Companion("service.shadow.infer_process", arguments, seconds=self._bounds.seconds)

    def _work(self, companion: Companion) -> None:
        """All that waits now."""
        while films := self._line.take(BATCH):
            try:
                replies = companion.ask([({"kind": film.kind}, film.view) for film in films])
            except EndedError:
                self._count(End.FAILED, len(films))
                raise
            self._record([self._shadow(film, said, data) for film, (said, data) in zip(films, replies, strict=True)])
            if self._vain >= PATIENCE:
                self._vain = 0
                raise EndedError

    def _record(self, outcomes: Sequence[Shadow | End]) -> None:
        """Store what was said, and count all of it."""
        shadows = [one for one in outcomes if isinstance(one, Shadow)]
        for end in (one for one in outcomes if not isinstance(one, Shadow)):
            self._count(end)
        self._vain = 0 if shadows else self._vain + sum(one is End.FAILED for one in outcomes)
        if not shadows:
            return
        self._rest = FIRST_REST_S
        try:
            stored = self._store(shadows)
        except Exception as error:  # noqa: BLE001 - Postgres is away, or refuses the rows: the next batch may fare better
            log.warning("shadows_not_stored", kind=type(error).__name__, count=len(shadows))
            stored = 0
        self._count(End.PREDICTED, stored)
        self._count(End.LOST, len(shadows) - stored)

    def _shadow(self, film: Waiting, said: dict[str, Any], data: bytes) -> Shadow | End:
        if "reason" in said:
            return End.REFUSED if said["reason"] == "refused" else End.FAILED
        cut = 4 * len(self._manifest.findings)
        if said.get("findings") != len(self._manifest.findings) or len(data) < cut or len(data) % 2:
            return End.FAILED
        logits, embedding = np.frombuffer(data[:cut], "<f4"), np.frombuffer(data[cut:], "<f2")
        return Shadow(film.prediction, self.version.id, logits, embedding, float(said["ms"]), datetime.now(UTC))

    def _count(self, end: End, films: int = 1) -> None:
        if films:
            self._metrics.film(self.version.model, self.version.version, end, films)


def storing(engine: Engine) -> Callable[[Sequence[Shadow]], int]:
    """A way to store what was said, over a connection of one's own; it says of how many films that was done, and raises where it cannot."""
    link = Link(engine)

    def store(shadows: Sequence[Shadow]) -> int:
        return link.run(lambda connection: record_shadows(connection, shadows))

    return store
