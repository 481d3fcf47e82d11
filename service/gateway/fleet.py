"""Fleet: the models in service in this process, kept in step with what is registered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from service.domain import ModelVersion
from service.errors import PackageError, StoppedModelError, UnavailableError, UnknownModelError
from service.gateway.database import Database
from service.gateway.last_known import LastKnown
from service.gateway.partly import Partly
from service.gateway.predict import Predictor
from service.gateway.serving import Lease, Leases, Serving
from service.models.manifest import Accepts, Manifest, parse_manifest
from service.store.canaries import Canary, standing_canaries
from service.store.models import champions, version_by_id
from service.store.stops import all_standing

POLL_S = 1.0
TRY_AGAIN_S = 10.0
LOADING = "The model is registered and is being loaded; try again shortly."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class InService:
    """The champions, why some of them answer nobody now, and the challengers that answer in part.

    A model that is stopped is unknown to a gateway that starts without Postgres, and there the champions answer alone.
    """

    champions: Sequence[ModelVersion]
    stopped: Mapping[str, str] = field(default_factory=dict)
    partly: Sequence[tuple[Canary, ModelVersion]] = ()


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
        self._leases = Leases()
        self.partly = Partly(start, self._leases)
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

    def lease(self, model: str) -> Lease:
        """`find`, and keep the version open until the film that needs it is answered; for `with`."""
        return self._leases.hold(self.find(model))

    async def watch(self) -> None:
        """Keep in step until cancelled; a Postgres that is away changes nothing for the models that are loaded."""
        while True:
            with suppress(UnavailableError):
                await self.refresh()
            await asyncio.sleep(POLL_S)

    async def refresh(self) -> None:
        """Load what is new, retire what is no champion any more."""
        try:
            found = await self._in_service()
        except SQLAlchemyError as error:
            log.warning("models_not_read", kind=type(error).__name__)
            return
        registered, self._stopped = found.champions, found.stopped
        asked = [version for version in registered if version.model not in self._stopped]
        self.accepts = {version.model: manifest.accepts for version in asked if (manifest := _manifest_of(version))}
        names = self._registered = frozenset(version.model for version in registered)
        for model in self.serving.keys() - names:
            self._leases.retire(self.serving.pop(model))
        for version in registered:
            await self._take_in(version)
        await self.partly.follow(found.partly)

    async def _in_service(self) -> InService:
        try:
            found = await self._database.run(in_service)
        except UnavailableError:
            known = await asyncio.to_thread(self._last_known.recall) if self._recalled else None
            if known is None:
                raise
            return InService(known.versions)
        self._recalled = False
        self._last_known.heard(versions=[version for version in found.champions if version.model not in found.stopped])
        return found

    async def close(self) -> None:
        """Take every model out of service."""
        self.partly.close()
        for model in list(self.serving):
            self._leases.retire(self.serving.pop(model))
        await self._leases.all_closed()

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
        self.serving[version.model] = Serving.of(version, predictor)
        log.info("model_in_service", model=version.model, version=version.version)
        if current is not None:
            self._leases.retire(current)


def _manifest_of(version: ModelVersion) -> Manifest | None:
    with suppress(PackageError):
        return parse_manifest(version.manifest)
    return None


def in_service(connection: Connection) -> InService:
    stopped = {stop.model: stop.reason for stop in all_standing(connection)}
    partly = [(canary, version_by_id(connection, canary.version)) for canary in standing_canaries(connection)]
    return InService(champions(connection), stopped, partly)
