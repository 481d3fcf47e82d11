"""A film that was being answered while whom it names was erased goes, too; one that came after the erasure stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from service.domain import Prediction
from service.errors import UnknownPredictionError
from service.store.erase import Named, erase, sweep_late
from service.store.predictions import find_prediction, record_alone
from tests.store.builders import AT, digest, make_prediction

ERASED_AT = AT + timedelta(seconds=3)


def recorded(engine: Engine, film: Prediction) -> Prediction:
    with engine.begin() as connection:
        record_alone(connection, [film])
    return film


def is_stored(engine: Engine, film: Prediction) -> bool:
    with engine.connect() as connection:
        try:
            find_prediction(connection, film.id)
        except UnknownPredictionError:
            return False
    return True


def again(film: Prediction) -> Prediction:
    """Another film of the same patient and study."""
    return replace(film, key=b"another", pseudonyms=replace(film.pseudonyms, instance=b"another"))


@pytest.mark.parametrize("named", list(Named))
def test_what_is_recorded_after_the_erasure_though_received_before_it_goes(engine: Engine, named: Named) -> None:
    recorded(engine, make_prediction("another film", at=AT))
    with engine.begin() as connection:
        erase(connection, named, digest(f"{named} film")[:16], at=ERASED_AT, actor="test")
    late, new, other = (
        recorded(engine, make_prediction("film", at=AT)),
        recorded(engine, again(make_prediction("film", at=ERASED_AT + timedelta(seconds=1)))),
        recorded(engine, make_prediction("somebody else", at=AT)),
    )
    with engine.begin() as connection:
        assert sweep_late(connection, ERASED_AT - timedelta(hours=1)) == 1
    assert [is_stored(engine, film) for film in (late, new, other)] == [False, True, True]


def test_an_erasure_of_long_ago_is_not_looked_at_again(engine: Engine) -> None:
    with engine.begin() as connection:
        erase(connection, Named.STUDY, digest("study film")[:16], at=ERASED_AT, actor="test")
    film = recorded(engine, make_prediction("film", at=AT))
    with engine.begin() as connection:
        assert sweep_late(connection, ERASED_AT + timedelta(hours=1)) == 0
    assert is_stored(engine, film)
