"""Serving: a version that answers in this process, and how it ends once the films that it was given are answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType

from service.domain import ModelVersion
from service.gateway.predict import Predictor
from service.gateway.tensor import Geometry
from service.models.manifest import Manifest


@dataclass(slots=True, eq=False)
class Serving:
    """A version in service. `users` counts the films on their way; a retired version closes when the last has gone."""

    version: ModelVersion
    manifest: Manifest
    geometry: Geometry
    predictor: Predictor
    users: int = 0
    retired: bool = False

    @classmethod
    def of(cls, version: ModelVersion, predictor: Predictor) -> Serving:
        """A version with its predictor, which runs."""
        return cls(version, predictor.model.manifest, Geometry.of(predictor.model), predictor)


class Leases:
    """Who uses which version: no film meets a closed model."""

    def __init__(self) -> None:
        self._closing: set[asyncio.Task[None]] = set()

    def hold(self, serving: Serving) -> Lease:
        """Keep a version open until the film that needs it is answered; for `with`."""
        return Lease(self, serving)

    def retire(self, serving: Serving) -> None:
        """Close a version as soon as nobody uses it."""
        serving.retired = True
        self.close_if_idle(serving)

    async def all_closed(self) -> None:
        """Wait for what is being closed."""
        while self._closing:
            await asyncio.gather(*self._closing)

    def close_if_idle(self, serving: Serving) -> None:
        """Close a version that was retired, once nobody uses it."""
        if serving.retired and serving.users == 0:
            task = asyncio.create_task(asyncio.to_thread(serving.predictor.close))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class Lease:
    """A film's hold on the version that answers it."""

    __slots__ = ("_leases", "_serving")

    def __init__(self, leases: Leases, serving: Serving) -> None:
        self._leases, self._serving = leases, serving

    def __enter__(self) -> Serving:
        self._serving.users += 1
        return self._serving

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._serving.users -= 1
        self._leases.close_if_idle(self._serving)
