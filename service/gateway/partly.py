"""Partly: challengers that answer some of the films beside the champion, and which films those are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from time import monotonic

import structlog

from service.domain import ModelVersion, Pseudonyms
from service.gateway.predict import Predictor
from service.gateway.serving import Lease, Leases, Serving
from service.store.canaries import Canary

TRY_AGAIN_S = 10.0

log = structlog.get_logger()


class Partly:
    """Challengers that answer in part, by model; loaded beside the champions, and gone within a second or two of their end."""

    def __init__(self, start: Callable[[ModelVersion], Predictor], leases: Leases) -> None:
        self._start = start
        self._leases = leases
        self._failed: dict[int, float] = {}
        self._running: dict[str, tuple[Canary, Serving]] = {}

    @property
    def servings(self) -> tuple[Serving, ...]:
        """Those that run."""
        return tuple(serving for _, serving in self._running.values())

    def turn(self, champion: Serving, site: str, names: Pseudonyms | None) -> Lease:
        """Whoever is to answer a film of this site that names these pseudonyms (None: nobody), kept open until it is answered; mostly the champion."""
        canary, challenger = self._running.get(champion.version.model, (None, champion))
        return self._leases.hold(champion if canary is None or not takes(canary, site, names) else challenger)

    async def follow(self, standing: Sequence[tuple[Canary, ModelVersion]]) -> None:
        """Run those that stand and no others."""
        wanted = {canary.model: (canary, version) for canary, version in standing}
        for model in self._running.keys() - wanted.keys():
            self._leave(model)
        for model, (canary, version) in wanted.items():
            running = self._running.get(model)
            if running is not None and running[1].version.id == version.id:
                self._running[model] = (canary, running[1])
            else:
                await self._take_in(canary, version)

    def close(self) -> None:
        """Let none answer any more."""
        for model in list(self._running):
            self._leave(model)

    async def _take_in(self, canary: Canary, version: ModelVersion) -> None:
        if canary.model in self._running:
            self._leave(canary.model)
        if monotonic() < self._failed.get(version.id, 0.0):
            return
        try:
            predictor = await asyncio.to_thread(self._start, version)
        except Exception as error:  # noqa: BLE001 - a package may fail in any way; the champion answers meanwhile
            self._failed[version.id] = monotonic() + TRY_AGAIN_S
            log.error("canary_not_loaded", model=version.model, version=version.version, kind=type(error).__name__)  # noqa: TRY400 - its class is enough
            return
        self._running[canary.model] = (canary, Serving.of(version, predictor))
        log.info("canary_in_service", model=version.model, version=version.version, share=canary.share, sites=len(canary.sites))

    def _leave(self, model: str) -> None:
        _, serving = self._running.pop(model)
        self._leases.retire(serving)


def takes(canary: Canary, site: str, names: Pseudonyms | None) -> bool:
    """Whether a film is the challenger's to answer. The films of a patient go one way, for as long as the canary stands and in every gateway.

    Where a film names no patient its study decides; where it names none, or is a tensor, only its site does.

    >>> from datetime import UTC, datetime
    >>> from uuid import UUID
    >>> canary = Canary("chest", 2, UUID(int=1), 0.25, ("south",), datetime(2026, 3, 2, tzinfo=UTC), "owner", "better on the same films")
    >>> of = lambda number: Pseudonyms(str(number).encode(), None, None, None, None)
    >>> sum(takes(canary, "north", of(number)) for number in range(1000)), takes(canary, "north", None), takes(canary, "south", None)
    (241, False, True)
    """
    if site in canary.sites:
        return True
    who = None if names is None else names.patient or names.study
    if who is None:
        return False
    return int.from_bytes(sha256(f"canary {canary.model} ".encode() + who).digest()[:8]) / 2**64 < canary.share
