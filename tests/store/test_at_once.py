"""New films are stored by one message to the server; where one is not new, that message changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import Engine, func, select

from service.domain import Prediction, Recorded, Sealed
from service.store.aftermath import NOBODY
from service.store.at_once import record_at_once
from service.store.predictions import find_prediction, record_alone
from service.store.tables import ledger_months, outbox, predictions, sealed_headers, submissions, tally_marks
from tests.store.builders import make_prediction

WRITTEN = (predictions, submissions, sealed_headers, outbox, tally_marks)
LATER = datetime(2031, 7, 1, 8, tzinfo=UTC)


def at_once(engine: Engine, *films: Prediction) -> list[Recorded] | None:
    """Nothing else commits here."""
    with engine.connect() as connection:
        return record_at_once(connection, films, NOBODY)


def written(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        counts = [connection.scalar(select(func.count()).select_from(table)) or 0 for table in WRITTEN]
        return [*counts, int(connection.scalar(select(func.coalesce(func.sum(ledger_months.c.stored), 0))) or 0)]


def test_new_films_are_committed_with_all_that_goes_with_them(engine: Engine) -> None:
    films = [
        make_prediction("a", sealed=Sealed(b"header", push=True)),
        make_prediction("b", flags=("clipped", "inverted"), ood_distance=0.5),
    ]
    store_alone(engine, make_prediction("first"))
    assert at_once(engine, *films) == [Recorded(film, replayed=False) for film in films]
    assert written(engine) == [3, 3, 1, 1, 2, 3]
    with engine.connect() as connection:
        found = find_prediction(connection, films[1].id)
    assert (found.flags, found.ood_distance) == (films[1].flags, films[1].ood_distance)
    assert found.scores.logits.tolist() == films[1].scores.logits.tolist()


def test_a_film_that_came_before_leaves_its_whole_group_unwritten(engine: Engine) -> None:
    store_alone(engine, make_prediction("a"))
    before = written(engine)
    again, new = make_prediction("a"), make_prediction("b", sealed=Sealed(b"header", push=True))
    assert at_once(engine, again, new) is None
    assert written(engine) == before


def test_twins_within_a_group_take_a_closer_look(engine: Engine) -> None:
    store_alone(engine, make_prediction("first"))
    before = written(engine)
    assert at_once(engine, make_prediction("a"), make_prediction("a")) is None
    assert written(engine) == before


def test_a_month_that_is_not_there_yet_takes_a_closer_look_and_is_made_by_it(engine: Engine) -> None:
    film = make_prediction(at=LATER)
    assert at_once(engine, film) is None
    with engine.begin() as connection:
        assert record_alone(connection, [film]) == [Recorded(film, replayed=False)]
    assert at_once(engine, make_prediction("another", at=LATER)) is not None


def test_of_twins_that_come_together_one_is_stored(engine: Engine) -> None:
    for round_ in range(8):
        twins = [make_prediction(f"film {round_}") for _ in range(4)]
        with ThreadPoolExecutor(4) as together:
            answers = list(together.map(lambda film: store_alone(engine, film), twins))
        assert len({answer.prediction.id for answer in answers}) == 1
        assert sorted(answer.replayed for answer in answers) == [False, True, True, True]


def store_alone(engine: Engine, film: Prediction) -> Recorded:
    with engine.begin() as connection:
        (answer,) = record_alone(connection, [film])
    assert isinstance(answer, Recorded)
    return answer
