"""What single films are held against: a yardstick of each reference, and the mean film of each version and view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, literal, select

from service.store.drivers import driver_cursor
from service.store.tables import mean_films, reference_versions, yardsticks

ENOUGH = 1000
"""With so many films a mean film is finished: what comes later never bends it."""

ADD = """
insert into mean_films (model_version, view, films, total) values (%s, %s, %s, %s::float8[])
on conflict (model_version, view) do update set
    films = mean_films.films + excluded.films,
    total = (
        select array_agg(earlier + later order by place)
        from unnest(mean_films.total, excluded.total) with ordinality as pixel (earlier, later, place)
    )
where mean_films.films < %s
"""


def copy_yardstick(connection: Connection, former: int, reference: int) -> None:
    """Measure single films against another reference of the same payload as before."""
    mine = select(literal(reference), yardsticks.c.payload).where(yardsticks.c.reference == former)
    connection.execute(insert(yardsticks).from_select(["reference", "payload"], mine))


@dataclass(frozen=True, slots=True)
class ActiveYardstick:
    """The active reference of a model version and its yardstick; None where it has too few embeddings."""

    reference: int
    model_version: int
    payload: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class MeanFilm:
    """Sum of the coarse pictures of `films` films, each of mean 0 and length 1 [pixels]."""

    films: int
    total: NDArray[np.float64]


def save_yardstick(connection: Connection, reference: int, payload: bytes) -> None:
    """Store the yardstick of a reference."""
    connection.execute(insert(yardsticks).values(reference=reference, payload=payload))


def active_yardsticks(connection: Connection, known: Iterable[int]) -> list[ActiveYardstick]:
    """The yardsticks of all active references but those of these ids."""
    query = (
        select(reference_versions.c.id, reference_versions.c.model_version, yardsticks.c.payload)
        .select_from(reference_versions.outerjoin(yardsticks))
        .where(reference_versions.c.state == "active", reference_versions.c.id.not_in(list(known)))
    )
    return [ActiveYardstick(*row) for row in connection.execute(query)]


def add_films(connection: Connection, more: Mapping[tuple[int, str], MeanFilm]) -> None:
    """Add films to the mean films of (model version, view) that are not finished. In the order of the key, so that no two wait in a circle."""
    with driver_cursor(connection) as cursor:
        for (version, view), film in sorted(more.items(), key=lambda item: item[0]):
            cursor.execute(ADD, (version, view, film.films, film.total.tolist(), ENOUGH))


def mean_films_of(connection: Connection, versions: Sequence[int]) -> dict[tuple[int, str], MeanFilm]:
    """The mean films of these model versions by (version, view)."""
    query = select(mean_films).where(mean_films.c.model_version.in_(versions))
    return {(row.model_version, row.view): MeanFilm(row.films, np.array(row.total, np.float64)) for row in connection.execute(query)}
