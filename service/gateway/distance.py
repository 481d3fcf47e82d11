"""Out of distribution: how far a film's embedding lies from those of the reference. It finds corruption and odd films, not attackers."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from detectors.outlying import Yardstick
from detectors.packing import DecodeError
from service.errors import UnavailableError
from service.gateway.database import Database
from service.store.yardsticks import ActiveYardstick, active_yardsticks

POLL_S = 5.0
"""A new reference counts within this time."""
FAR = 3.0
"""One in a thousand films of the reference lies further out: that share of good films is flagged."""

log = structlog.get_logger()


class Outliers:
    """The yardsticks of the active references, in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._references: dict[int, int] = {}
        self._sticks: dict[int, Yardstick] = {}

    def distance(self, version: int, embedding: NDArray[np.float16]) -> float | None:
        """-log10 of the share of the reference's films that lie further out; None without a yardstick."""
        stick = self._sticks.get(version)
        return None if stick is None or not embedding.size else stick.surprise(embedding)

    async def watch(self) -> None:
        """Keep in step until cancelled; without Postgres the last yardsticks go on."""
        while True:
            with suppress(UnavailableError, SQLAlchemyError):
                await self.refresh()
            await asyncio.sleep(POLL_S)

    async def refresh(self) -> None:
        """Read the yardsticks of references that are new."""
        known = list(self._references.values())
        for found in await self._database.run(lambda connection: active_yardsticks(connection, known)):
            self._take(found)

    def _take(self, found: ActiveYardstick) -> None:
        self._references[found.model_version] = found.reference
        self._sticks.pop(found.model_version, None)
        if found.payload is None:
            return
        try:
            self._sticks[found.model_version] = Yardstick.from_bytes(found.payload)
        except DecodeError as error:
            log.error("yardstick_not_read", kind=type(error).__name__)  # noqa: TRY400 - its class is enough
