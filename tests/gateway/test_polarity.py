"""The negative of what a model is used to see is noticed; nothing else is called one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from service.gateway.database import Database
from service.gateway.picture import Picture
from service.gateway.polarity import LEAST, TOGETHER, Polarity
from service.store.yardsticks import ENOUGH
from tests.gateway.test_duplicates import chest, picture
from tests.store.builders import make_version

DATA = Path(__file__).parents[3] / "shared" / "data"


def negative(film: NDArray[np.float64]) -> Picture | None:
    return picture(4095.0 - film)


def learnt(engine: Engine, version: int, films: int, view: str | None = "PA") -> Polarity:
    """A gateway that has seen so many films, and whose task has written them."""

    async def learn() -> Polarity:
        database = Database(engine, links=1)
        polarity = Polarity(database)
        for seed in range(films):
            assert not polarity.is_inverted(version, view, picture(chest(seed)))
        await polarity.refresh()
        await database.close()
        return polarity

    return asyncio.run(learn())


def test_a_negative_is_noticed_once_enough_films_were_seen(engine: Engine) -> None:
    version = make_version(engine).id
    polarity = learnt(engine, version, LEAST)
    assert polarity.is_inverted(version, "PA", negative(chest(900)))
    assert not polarity.is_inverted(version, "PA", picture(chest(900)))
    assert not polarity.is_inverted(version, "LL", negative(chest(900))), "nothing is known of that view"


def test_before_that_nothing_is_called_a_negative(engine: Engine) -> None:
    version = make_version(engine).id
    polarity = learnt(engine, version, LEAST - 1)
    assert not polarity.is_inverted(version, "PA", negative(chest(900)))


def test_what_was_learnt_is_there_for_every_replica_and_after_a_restart(engine: Engine) -> None:
    version = make_version(engine).id
    for _ in range(2):
        learnt(engine, version, LEAST // 2)
    assert learnt(engine, version, 1).is_inverted(version, "PA", negative(chest(900)))


def test_a_mean_film_is_finished_and_negatives_never_bend_it(engine: Engine) -> None:
    version = make_version(engine).id
    learnt(engine, version, LEAST)
    with engine.begin() as connection:
        connection.execute(
            text("update mean_films set films = :films, total = array(select pixel * 10 from unnest(total) pixel)"), {"films": ENOUGH}
        )
    polarity = learnt(engine, version, TOGETHER)
    assert polarity.is_inverted(version, "PA", negative(chest(900)))
    with engine.connect() as connection:
        assert connection.scalar(text("select films from mean_films")) == ENOUGH


def test_few_films_are_never_written(engine: Engine) -> None:
    learnt(engine, make_version(engine).id, TOGETHER - 1)
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from mean_films")) == 0


def test_made_up_views_share_one_mean_film(engine: Engine) -> None:
    version = make_version(engine).id
    learnt(engine, version, TOGETHER, "SIDEWAYS")
    learnt(engine, version, TOGETHER, None)
    with engine.connect() as connection:
        assert connection.execute(text("select view, films from mean_films")).all() == [("", 2 * TOGETHER)]


def test_films_that_have_nothing_in_common_have_no_negative(engine: Engine) -> None:
    version, rng = make_version(engine).id, np.random.default_rng(0)
    polarity = Polarity(Database(engine, links=1))
    noise = [picture(rng.uniform(0, 4095, (48, 48))) for _ in range(2 * LEAST)]

    async def learn() -> None:
        for one in noise:
            polarity.is_inverted(version, "PA", one)
        await polarity.refresh()
        await polarity._database.close()

    asyncio.run(learn())
    assert not any(polarity.is_inverted(version, "PA", None if one is None else -one) for one in noise)


@pytest.mark.skipif(not DATA.is_dir(), reason="the real films of ../shared/data are not on this machine")
def test_of_real_films_the_negatives_are_found_and_no_other(engine: Engine) -> None:
    version = make_version(engine).id
    films = np.load(DATA / "nih_dev_64.npz")["images"].astype(np.float64)
    polarity = Polarity(Database(engine, links=1))

    async def learn() -> None:
        for film in films[::2]:
            polarity.is_inverted(version, "PA", picture(film, 255.0))
        await polarity.refresh()
        await polarity._database.close()

    asyncio.run(learn())
    assert not any(polarity.is_inverted(version, "PA", picture(film, 255.0)) for film in films[1::2])
    assert np.mean([polarity.is_inverted(version, "PA", picture(255.0 - film, 255.0)) for film in films[1::2]]) > 0.95
