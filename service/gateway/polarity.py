"""Polarity: whether a film is the negative of what its model is used to see in this view.

Which end of the grey scale air has depends on body part and processing, so no rule alone can tell. The first thousand films of a
model version and view are added up to their mean film, and a film that is the opposite of it is inverted. Of 4,300 chest films of
children and adults (PneumoniaMNIST, NIH ChestX-ray14) none had a correlation below -0.07 with the mean of others of their kind, and of
their negatives all but one or two in a hundred lay below -0.25.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Lock

import numpy as np
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from service.errors import UnavailableError
from service.gateway.database import Database
from service.gateway.picture import SIDE, Picture
from service.store.yardsticks import ENOUGH, MeanFilm, add_films, mean_films_of

PAUSE_S = 5.0
LEAST = 100
"""Films before a mean film is believed."""
TOGETHER = 20
"""Films that are written at once, so that no row ever shows one film alone."""
OPPOSITE = -0.25
ALIKE = 0.5
"""Length of the mean of pictures of length 1: below, the films of this view are too unlike for a mean to say anything."""
VIEWS = frozenset(("PA", "AP", "LL", "RL", "LATERAL", "LLD", "RLD", "LLO", "RLO"))
"""Views that have a mean film of their own; all others share one, so that made-up names fill nothing."""

Place = tuple[int, str]
NOTHING = MeanFilm(0, np.zeros(SIDE * SIDE))


class Polarity:
    """The mean films, in memory; what they gain is written by a task of its own, and shared with other replicas."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Place, MeanFilm] = {}
        self._waiting: dict[Place, MeanFilm] = {}
        self._guard = Lock()

    def is_inverted(self, version: int, view: object, picture: Picture | None) -> bool:
        """Whether a film is the opposite of the mean film; one that is not is added to it, until it is finished."""
        if picture is None:
            return False
        place = (version, view if isinstance(view, str) and view in VIEWS else "")
        with self._guard:
            known, waiting = self._known.get(place, NOTHING), self._waiting.get(place, NOTHING)
            inverted = _is_opposite(picture, known)
            if not inverted and known.films + waiting.films < ENOUGH:
                self._waiting[place] = MeanFilm(waiting.films + 1, waiting.total + picture)
        return inverted

    async def watch(self) -> None:
        """Write and read until cancelled; without Postgres the last mean films go on."""
        while True:
            with suppress(UnavailableError, SQLAlchemyError):
                await self.refresh()
            await asyncio.sleep(PAUSE_S)

    async def refresh(self) -> None:
        """Write what was gained and read how the mean films stand. A transaction that is repeated counts twice, which a mean bears."""
        with self._guard:
            ready = {place: film for place, film in self._waiting.items() if film.films >= TOGETHER}
            versions = sorted({version for version, _ in (*self._waiting, *self._known)})

        def work(connection: Connection) -> dict[Place, MeanFilm]:
            add_films(connection, ready)
            return mean_films_of(connection, versions)

        if not versions or (not ready and all(film.films >= ENOUGH for film in self._known.values()) and self._known):
            return
        found = await self._database.run(work)
        with self._guard:
            self._known.update(found)
            for place, film in ready.items():
                rest = self._waiting[place]
                self._waiting[place] = MeanFilm(rest.films - film.films, rest.total - film.total)


def _is_opposite(picture: Picture, mean: MeanFilm) -> bool:
    length = float(np.linalg.norm(mean.total))
    return mean.films >= LEAST and length >= ALIKE * mean.films and float(mean.total @ picture) <= OPPOSITE * length
