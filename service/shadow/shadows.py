"""Shadows: the challengers of all models in service, kept in step with what is registered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy import Connection

from service.domain import ModelVersion
from service.errors import PackageError, UnavailableError
from service.gateway.database import Database
from service.gateway.shown import Shown
from service.models.manifest import Manifest, parse_manifest
from service.models.sameness import same_logits
from service.shadow.challenger import Challenger, Stage
from service.store.canaries import standing_canaries
from service.store.models import challengers, champions

POLL_S = 2.0

log = structlog.get_logger()
Registered = tuple[Sequence[ModelVersion], Sequence[ModelVersion], frozenset[str]]
"""Champions, challengers, and models of which a challenger answers in part."""


class Shadows:
    """Shows each answered film to the challengers of its model. A challenger with the champion's own logits is derived when it is compared, and gets no process.

    While a challenger answers in part, the champion has a process here, too: it sees what the challenger answered.
    """

    def __init__(self, database: Database, stage: Stage, most: int) -> None:
        """Nothing runs before the first `refresh`; at most `most` challengers run at once, those that were registered first."""
        self._database = database
        self._stage = stage
        self._most = most
        self._running: dict[int, Challenger] = {}
        self._by_model: dict[str, tuple[Challenger, ...]] = {}
        self._refused: set[int] = set()

    def see(self, film: Shown) -> None:
        """Show a film to whoever is interested."""
        for challenger in self._by_model.get(film.manifest.name, ()):
            if challenger.version.id != film.prediction.model_version:
                challenger.see(film)

    async def watch(self) -> None:
        """Keep in step until cancelled."""
        while True:
            try:
                await self.refresh()
            except UnavailableError:
                pass  # those that run go on
            except Exception as error:  # noqa: BLE001 - the watch must outlive whatever is registered
                log.error("challengers_not_read", kind=type(error).__name__)  # noqa: TRY400 - its class is enough
            await asyncio.sleep(POLL_S)

    async def refresh(self) -> None:
        """Start what is new, stop what is no challenger any more."""
        answering, registered, partly = await self._database.run(both)
        shadows = self._wanted(answering, registered)
        both_answer = partly & {version.model for version in shadows}
        wanted = {version.id: version for version in (*shadows, *(one for one in answering if one.model in both_answer))}
        gone = [self._running.pop(number) for number in self._running.keys() - wanted.keys()]
        self._show()
        await asyncio.gather(*(asyncio.to_thread(ended, challenger) for challenger in gone))
        for number, version in wanted.items():
            if number not in self._running:
                self._running[number] = Challenger(version, self._stage)
        self._show()

    async def close(self) -> None:
        """Stop all."""
        gone, self._running = list(self._running.values()), {}
        self._show()
        for challenger in gone:
            challenger.stop()
        await asyncio.gather(*(asyncio.to_thread(ended, challenger) for challenger in gone))

    def _show(self) -> None:
        models = {challenger.version.model for challenger in self._running.values()}
        self._by_model = {model: tuple(one for one in self._running.values() if one.version.model == model) for model in models}

    def _wanted(self, answering: Sequence[ModelVersion], registered: Sequence[ModelVersion]) -> list[ModelVersion]:
        by_model = {version.model: manifest for version in answering if (manifest := self._read(version))}
        wanted = [
            version
            for version in registered
            if version.model in by_model and (manifest := self._read(version)) and not same_logits(by_model[version.model], manifest)
        ]
        return wanted[: self._most]

    def _read(self, version: ModelVersion) -> Manifest | None:
        try:
            return parse_manifest(version.manifest)
        except PackageError:
            if version.id not in self._refused:
                log.error("manifest_not_read", model=version.model, version=version.version)  # noqa: TRY400 - a later release wrote it
            self._refused.add(version.id)
            return None


def both(connection: Connection) -> Registered:
    """Who answers, who challenges, and where both answer."""
    return champions(connection), challengers(connection), frozenset(one.model for one in standing_canaries(connection))


def ended(challenger: Challenger) -> None:
    """Stop a challenger and wait for its end."""
    challenger.stop()
    challenger.join()
