"""Fleet: the models in service in this process, kept in step with what is registered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from service.domain import ModelVersion
from service.errors import PackageError, StoppedModelError, UnavailableError, UnknownModelError
from service.gateway.database import Database
from service.gateway.last_known import LastKnown
from service.gateway.predict import Predictor
from service.gateway.tensor import Geometry
from service.models.manifest import Accepts, Manifest, parse_manifest
from service.store.models import champions
from service.store.stops import all_standing

POLL_S = 1.0
TRY_AGAIN_S = 10.0
LOADING = "The model is registered and is being loaded; try again shortly."

InService = tuple[Sequence[ModelVersion], Mapping[str, str]]
"""The champions, and why some of them answer nobody now. A model that is stopped is unknown to a gateway that starts without Postgres."""

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Serving:
    """A version in service. `users` counts the films on their way; a retired version closes when the last has gone."""

    version: ModelVersion
    manifest: Manifest
    geometry: Geometry
    predictor: Predictor
    users: int = 0
    retired: bool = False


class Fleet:
    """Looks every second which versions are champions, loads new ones beside the old, then swaps: no film meets a closed model."""

    def __init__(self, database: Database, last_known: LastKnown, start: Callable[[ModelVersion], Predictor]) -> None:
        """Nothing is loaded before the first `refresh`.

        Args:
            database: Where the champions are asked for.
            last_known: Is asked in its place by a process that starts while it is away.
            start: Loads a version and starts its predictor; called in a thread.
        """
        self._database = database
        self._last_known = last_known
        self._recalled = True
        self._start = start
        self._registered: frozenset[str] | None = None
        self._stopped: Mapping[str, str] = {}
        self._failed: dict[int, float] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.serving: dict[str, Serving] = {}
        self.accepts: dict[str, Accepts] | None = None
        """What each champion takes; None before the first answer of Postgres."""

    def find(self, model: str) -> Serving:
        """The version of a model that answers now.

        Raises:
            UnknownModelError: No version of it is in service anywhere.
            UnavailableError: It should be, but this process has not loaded it yet, or could not ask yet.
            StoppedModelError: It was taken out of service; the message says why.
        """
        if model in self._stopped:
            raise StoppedModelError(f"The model was taken out of service: {self._stopped[model]}")
        serving = self.serving.get(model)
        if serving is not None:
            return serving
        if self._registered is None or model in self._registered:
            raise UnavailableError(LOADING)
        raise UnknownModelError

    def expect(self, model: str) -> None:
        """Pass, if a model of this name answers now or may do so later.

        Raises:
            UnknownModelError: No version of it is in service anywhere.
            StoppedModelError: It was taken out of service.
        """
        with suppress(UnavailableError):
            self.find(model)

    def knows(self, model: str) -> bool:
        """Whether a model of this name is registered, as far as this process has heard."""
        return model in self.serving or model in (self._registered or ())

    def has(self, version: ModelVersion) -> bool:
        """Whether this process has loaded exactly this version."""
        serving = self.serving.get(version.model)
        return serving is not None and serving.version.id == version.id

    @contextmanager
    def lease(self, model: str) -> Iterator[Serving]:
        """`find`, and keep the version open until the film that needs it is answered."""
        serving = self.find(model)
        serving.users += 1
        try:
            yield serving
        finally:
            serving.users -= 1
            self._close_if_idle(serving)

    async def watch(self) -> None:
        """Keep in step until cancelled; a Postgres that is away changes nothing for the models that are loaded."""
        while True:
            with suppress(UnavailableError):
                await self.refresh()
            await asyncio.sleep(POLL_S)

    async def refresh(self) -> None:
        """Load what is new, retire what is no champion any more."""
        try:
            registered, self._stopped = await self._champions()
        except SQLAlchemyError as error:
            log.warning("models_not_read", kind=type(error).__name__)
            return
        asked = [version for version in registered if version.model not in self._stopped]
        self.accepts = {version.model: manifest.accepts for version in asked if (manifest := _manifest_of(version))}
        names = self._registered = frozenset(version.model for version in registered)
        for model in self.serving.keys() - names:
            self._retire(self.serving.pop(model))
        for version in registered:
            await self._take_in(version)

    async def _champions(self) -> InService:
        try:
            registered, stopped = await self._database.run(in_service)
        except UnavailableError:
            known = await asyncio.to_thread(self._last_known.recall) if self._recalled else None
            if known is None:
                raise
            return known.versions, {}
        self._recalled = False
        self._last_known.heard(versions=[version for version in registered if version.model not in stopped])
        return registered, stopped

    async def close(self) -> None:
        """Take every model out of service."""
        for model in list(self.serving):
            self._retire(self.serving.pop(model))
        while self._closing:
            await asyncio.gather(*self._closing)

    async def _take_in(self, version: ModelVersion) -> None:
        if self.has(version) or monotonic() < self._failed.get(version.id, 0.0):
            return
        try:
            predictor = await asyncio.to_thread(self._start, version)
        except Exception as error:  # noqa: BLE001 - a package may fail in any way; the others must go on
            self._failed[version.id] = monotonic() + TRY_AGAIN_S
            log.error("model_not_loaded", model=version.model, version=version.version, kind=type(error).__name__)  # noqa: TRY400 - its class is enough
            return
        current = self.serving.get(version.model)
        self.serving[version.model] = Serving(version, predictor.model.manifest, Geometry.of(predictor.model), predictor)
        log.info("model_in_service", model=version.model, version=version.version)
        if current is not None:
            self._retire(current)

    def _retire(self, serving: Serving) -> None:
        serving.retired = True
        self._close_if_idle(serving)

    def _close_if_idle(self, serving: Serving) -> None:
        if serving.retired and serving.users == 0:
            task = asyncio.create_task(asyncio.to_thread(serving.predictor.close))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _manifest_of(version: ModelVersion) -> Manifest | None:
    with suppress(PackageError):
        return parse_manifest(version.manifest)
    return None


def in_service(connection: Connection) -> InService:
    return champions(connection), {stop.model: stop.reason for stop in all_standing(connection)}
